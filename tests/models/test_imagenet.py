"""The ImageNet weights of keras.applications, where there is no network."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from keras_wa.errors import UserError, WeightsUnavailableError
from keras_wa.models import donors, load_pretrained
from tests.models.small_trunk import tiny

FILE_UTILS = "keras.src.utils.file_utils"
URLS = "keras.src.applications.resnet.BASE_WEIGHTS_PATH"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keras' cache, empty."""
    monkeypatch.setattr(f"{FILE_UTILS}.config.keras_home", lambda: str(tmp_path))
    return tmp_path


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    """Answers with `server.status` and six bytes, or with fewer than it promises."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, promised = self.server.answer  # type: ignore[attr-defined]
            self.send_response(status)
            self.send_header("Content-Length", str(promised))
            self.end_headers()
            self.wfile.write(b"no h5!")

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def unavailable(monkeypatch: pytest.MonkeyPatch, port: int) -> str:
    """The one line, of a server at this port."""
    monkeypatch.setattr(URLS, f"http://127.0.0.1:{port}/")
    with pytest.raises(WeightsUnavailableError) as caught:
        load_pretrained(tiny(), "imagenet")
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("The ImageNet weights could not be downloaded (")
    assert "file as `weights`" in message
    assert "`weights='none'`" in message
    return message


@pytest.mark.parametrize(
    ("answer", "said"),
    [((503, 6), "503 -- Service Unavailable"), ((200, 100), "retrieval incomplete")],
)
def test_a_server_that_fails_is_named(
    answer: tuple[int, int],
    said: str,
    server: HTTPServer,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.answer = answer  # type: ignore[attr-defined]
    assert said in unavailable(monkeypatch, server.server_port)
    assert not list(cache.rglob("*.h5"))


def test_offline_it_says_what_to_do_instead(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert "refused" in unavailable(monkeypatch, port)


def test_a_server_that_never_answers_is_given_up(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(donors, "_PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert "timed out" in unavailable(monkeypatch, silent.getsockname()[1])
    assert socket.getdefaulttimeout() is None


def test_a_damaged_download_is_another_error(
    server: HTTPServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer = (200, 6)  # type: ignore[attr-defined]
    monkeypatch.setattr(URLS, f"http://127.0.0.1:{server.server_port}/")
    with pytest.raises(UserError, match="could not be stored or read") as caught:
        load_pretrained(tiny(), "imagenet")
    assert not isinstance(caught.value, WeightsUnavailableError)
    assert "Incomplete or corrupted file detected" in str(caught.value)
