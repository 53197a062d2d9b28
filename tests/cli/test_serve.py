"""`keras-wa serve`: a real process, from its start to SIGTERM."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import httpx2
import numpy as np
import pytest

from keras_wa.cli import main
from tests.cli.long_running import running
from tests.inference.dicom_out.sources import digital
from tests.waiting import DEADLINE_S, until

TOKEN = "s3cret"
AUTHORIZED = {"authorization": f"Bearer {TOKEN}"}
STRANGER = {"authorization": ""}
CHUNKED = b"Transfer-Encoding: chunked"


def head_of(line: str) -> bytes:
    """The beginning of a request that has the token."""
    lines = (f"{line} HTTP/1.1", "Host: x", f"Authorization: Bearer {TOKEN}")
    return "".join(f"{each}\r\n" for each in lines).encode()


POST = head_of("POST /predict") + b"Content-Type: multipart/form-data; boundary=b\r\n"


@contextlib.contextmanager
def served(run: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A service on a free port, and its address."""
    started = running("serve", run, "--port", "0", *words, until="Serving ")
    with started as (process, lines):
        yield process, lines[-1].split(" at ")[1].split()[0]


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the service writes temporary files, if it does."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def address(finished: Path, temporary: Path) -> Iterator[str]:
    with mock.patch.dict(os.environ, {"TMPDIR": str(temporary)}):
        process = served(finished, "--token", TOKEN, "--max-megabytes", "1")
        with process as (_, url):
            yield url


def asking(address: str, **options: Any) -> httpx2.Client:
    """A client that waits for an answer."""
    return httpx2.Client(base_url=address, timeout=DEADLINE_S, **options)


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx2.Client]:
    with asking(address, headers=AUTHORIZED) as client:
        yield client


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    """Different ROIs as PNG files, and a mammogram as DICOM."""
    rng = np.random.default_rng(0)
    files = []
    for i in range(31):
        files.append(tmp_path / f"{i:02}.png")
        noise = rng.integers(0, 256, (40 + i, 70 - i), "uint8")
        cv2.imwrite(str(files[-1]), cv2.GaussianBlur(noise, (0, 0), 1 + i / 9))
    digital(tmp_path)
    return [*files, tmp_path / "digital.dcm"]


def post(client: httpx2.Client, data: bytes) -> httpx2.Response:
    return client.post("/predict", files={"file": ("image", data)})


def connected(address: str) -> socket.socket:
    host, port = address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=DEADLINE_S)


def metric(client: httpx2.Client, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    (value,) = (line.split()[1] for line in lines if line.startswith(f"{name} "))
    return float(value)


def without_file(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "file"}


def test_32_requests_at_once_have_the_answers_of_the_command_line(
    client, finished, images, tmp_path, capsys
):
    assert client.get("/health").json() == {"status": "ok"}
    words = ["predict", str(finished), *map(str, images), "--tta", "1"]
    assert main([*words, "--as", "roi", "--json", str(tmp_path / "out.json")]) == 0
    capsys.readouterr()
    wanted = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    by_name = {Path(each["file"]).name: each for each in wanted["predictions"]}
    assert len(by_name) == 32
    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(lambda file: post(client, file.read_bytes()), images))
    for file, answer in zip(images, found, strict=True):
        assert answer.status_code == 200, answer.text
        record, own = answer.json(), without_file(by_name[file.name])
        for name in ("probability", "low", "high", "threshold", "probabilities"):
            assert record[name] == pytest.approx(own.pop(name), abs=1e-5), name
        assert {name: record[name] for name in own} == own
    spread = {round(each.json()["probability"], 4) for each in found}
    assert len(spread) > 16, "the answers are not all the same"


def test_bad_requests_are_refused_and_the_service_lives_on(client, address, images):
    good = images[0].read_bytes()
    rng = np.random.default_rng(1)
    for size in (0, 1, 100, 5000):
        garbage = post(client, rng.bytes(size))
        assert garbage.status_code == 422
        assert list(garbage.json()) == ["error"]
    assert client.get("/metrics", headers=STRANGER).status_code == 401
    assert client.get("/health", headers=STRANGER).status_code == 200
    assert post(client, good).status_code == 200


@pytest.mark.parametrize("head", [b"Content-Length: 1073741824", CHUNKED])
def test_a_gigabyte_is_refused_while_it_comes(client, address, head):
    before = metric(client, "process_resident_memory_bytes")
    chunk = b"10000\r\n%b\r\n" if head == CHUNKED else b"%b"
    chunk %= bytes(2**16)
    with connected(address) as connection:
        connection.sendall(POST + head + b"\r\n\r\n")
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 2**30:
                connection.sendall(chunk)
                sent += len(chunk)
        assert sent < 2**29, "it was cut off"
    assert metric(client, "process_resident_memory_bytes") < before + 2**26
    assert client.get("/health").status_code == 200


def test_slow_clients_give_others_no_trouble(client, address, images):
    heads = (b"", b"GET / HT", POST, POST + b"Content-Length: 9\r\n\r\n")
    with contextlib.ExitStack() as stack:
        # More than there are places for predictions.
        for i in range(200):
            connection = stack.enter_context(connected(address))
            connection.sendall(heads[i % len(heads)])
        # Before the prediction, since the service closes them after some seconds.
        until(lambda: metric(client, "process_open_fds") > 200)
        assert post(client, images[0].read_bytes()).status_code == 200
        assert metric(client, "keras_wa_requests_under_way") == 0


def test_nothing_is_left_behind_and_nothing_else_is_read(
    address, client, images, temporary, finished
):
    before = sorted(finished.rglob("*"))
    for data in (images[0].read_bytes(), images[-1].read_bytes(), b"\0" * 900_000):
        post(client, data)
    for path in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/config.json"):
        with connected(address) as connection:
            connection.sendall(head_of(f"GET {path}") + b"\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 404 ")
    assert list(temporary.iterdir()) == []
    assert sorted(finished.rglob("*")) == before


def test_what_is_no_http_is_refused(client, address):
    for sent in (b"\x16\x03\x01\0\xff" * 20, b"POST /predict HTTP/1.1\r\n: x\r\n\r\n"):
        with connected(address) as connection:
            connection.sendall(sent)
            assert connection.recv(100).startswith(b"HTTP/1.1 400")
    assert client.get("/health").status_code == 200


def test_sigterm_lets_every_request_be_answered_and_ends_with_0(
    finished, images, monkeypatch
):
    monkeypatch.setenv("KERAS_WA_TOKEN", TOKEN)
    # A batch waits for a second, so that requests are under way.
    with served(finished, "--wait-ms", "1000", "--batch", "64") as (process, url):
        data = images[0].read_bytes()
        with (
            ThreadPoolExecutor(16) as pool,
            asking(url, headers=AUTHORIZED) as client,
        ):
            assert client.get("/about", headers=STRANGER).status_code == 401
            waiting = [pool.submit(post, client, data) for _ in range(16)]
            until(lambda: "under_way 16.0" in client.get("/metrics").text)
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert [each.result().status_code for each in waiting] == [200] * 16
            assert process.wait(DEADLINE_S) == 0
            assert time.monotonic() - began < 5
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(url)


@pytest.mark.slow
def test_a_decoder_that_is_busy_does_not_hold_up_the_end(finished):
    # Sixteen million numbers as text take seconds.
    data = b"P2 4000 4000 9\n" + b"1 " * 16_000_000
    with (
        served(finished) as (process, url),
        asking(url) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        slow = pool.submit(post, client, data)
        until(lambda: "under_way 1.0" in client.get("/metrics").text)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert slow.result().status_code in (200, 503), "whichever comes first"
        assert process.wait(DEADLINE_S) == 0
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--host", "0.0.0.0"], "expected --token or KERAS_WA_TOKEN, or --host"),
        (["--host", "203.0.113.7", "--token", "t"], "which cannot be listened on"),
    ],
)
def test_a_wrong_argument_is_named(finished, error_of, words, expected):
    assert expected in error_of(["serve", str(finished), *words])


def test_a_port_that_is_taken_is_named(finished, error_of):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = error_of(["serve", str(finished), "--port", port])
    assert f"127.0.0.1 and {port}, which cannot be listened on" in line


def test_without_the_extra_it_says_what_to_install(error_of, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *rest: None if name == "uvicorn" else found(name, *rest),
    )
    line = error_of(["serve", "runs/none"])
    assert "no uvicorn; expected it to be installed: pip install 'keras_wa[s" in line
