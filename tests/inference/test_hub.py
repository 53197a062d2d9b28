"""A preset is loaded from the Hugging Face Hub, here a server on this machine."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from keras_wa import MammogramClassifier
from keras_wa.errors import UserError
from keras_wa.models.pretrained import MODEL_FILE, RECORD_FILE
from keras_wa.phantom.spec import PHANTOM_VERSION
from tests.processes import python
from tests.tiny_model import tiny

pytest.importorskip("huggingface_hub")

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CODE = """
import sys
import numpy as np
import keras_wa
from tests.tiny_model import tiny
try:
    classifier = keras_wa.MammogramClassifier.from_preset(sys.argv[1])
except keras_wa.errors.UserError as error:
    sys.exit(f"refused: {error}")
np.save(sys.argv[2], classifier.predict(np.full((1, 40, 40), 90, np.uint8)))
"""
WEIGHTS = """
import sys
import keras
import numpy as np
from keras_wa.models import load_pretrained
model = keras.models.clone_model(keras.models.load_model(sys.argv[3]))
load_pretrained(model, sys.argv[1])
np.save(sys.argv[2], model.get_weights()[-1])
"""


class Hub(BaseHTTPRequestHandler):
    """As much of the Hub's API as downloading a repository takes."""

    folder: Path

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        path, mark = self.path.partition("?")[0], f"/user/tiny/resolve/{COMMIT}/"
        files = sorted(self.folder.iterdir())
        if path == "/api/models/user/tiny/revision/main":
            siblings = [{"rfilename": file.name} for file in files]
            record = {"id": "user/tiny", "sha": COMMIT, "siblings": siblings}
            self._send(json.dumps(record).encode(), "application/json", with_body)
        elif path.startswith(f"/api/models/user/tiny/tree/{COMMIT}"):
            tree = [
                {"type": "file", "path": f.name, "size": f.stat().st_size, "oid": "0"}
                for f in files
            ]
            self._send(json.dumps(tree).encode(), "application/json", with_body)
        elif path.startswith(mark):
            data = (self.folder / path.removeprefix(mark)).read_bytes()
            self._send(data, "application/octet-stream", with_body)
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _send(self, data: bytes, kind: str, with_body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if with_body:
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def preset(finished: Path, tmp_path: Path) -> Path:
    MammogramClassifier.from_preset(finished).save_to_preset(tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.fixture
def endpoint(preset: Path) -> Iterator[str]:
    kind = type("OfPreset", (Hub,), {"folder": preset})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _load(
    name: str, out: Path, endpoint: str, code: int = 0, words: tuple[str, ...] = (CODE,)
) -> str:
    """Loads a preset in another process; returns what that writes to stderr."""
    # The place of the Hub and of its cache is read when the library is imported.
    places = {"HF_ENDPOINT": endpoint, "HF_HOME": str(out.parent / "cache")}
    off = {"HF_HUB_DISABLE_TELEMETRY": "1"}
    return python(
        "-c", words[0], name, out, *words[1:], code=code, **places, **off
    ).stderr


def test_a_preset_of_the_hub_predicts_as_the_folder_does(
    preset: Path, endpoint: str, tmp_path: Path
) -> None:
    (preset / "evil.py").write_text("raise SystemExit")
    _load("hf://user/tiny", tmp_path / "out.npy", endpoint)
    here = MammogramClassifier.from_preset(preset)
    expected = here.predict(np.full((1, 40, 40), 90, np.uint8))
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), expected, atol=1e-6)
    assert not list((tmp_path / "cache").rglob("evil.py")), "only what a preset has"


@pytest.mark.slow
def test_a_preset_that_is_not_there_is_refused_in_one_line(
    endpoint: str, tmp_path: Path
) -> None:
    for name in ("hf://user/other", "hf://not a name"):
        said = _load(name, tmp_path / "out.npy", endpoint, code=1)
        last = said.strip().splitlines()[-1]
        assert last.startswith(f"refused: {name}: cannot be fetched (")


def test_a_pretraining_of_the_hub_gives_its_weights(
    preset: Path, endpoint: str, tmp_path: Path
) -> None:
    for file in preset.iterdir():
        file.unlink()
    donor = tiny()
    donor.layers[-1].bias.assign([0.25, 0.5])
    donor.save(preset / MODEL_FILE)
    record = {"phantom_version": PHANTOM_VERSION}
    (preset / RECORD_FILE).write_text(json.dumps(record))
    words = (WEIGHTS, str(preset / MODEL_FILE))
    _load("hf://user/tiny", tmp_path / "out.npy", endpoint, words=words)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), [0.25, 0.5])


@pytest.mark.parametrize("name", ["hf:/user/name", Path("hf://user/name")])
def test_a_name_of_the_hub_with_one_slash_is_refused(name: str | Path) -> None:
    with pytest.raises(
        UserError, match="hf:/user/name: no folder on the Hugging Face H"
    ):
        MammogramClassifier.from_preset(name)


def test_nothing_is_saved_to_the_hub(preset: Path) -> None:
    classifier = MammogramClassifier.from_preset(preset)
    with pytest.raises(UserError, match=r"hf:.*uploads\. Name a folder"):
        classifier.save_to_preset("hf://user/name")
