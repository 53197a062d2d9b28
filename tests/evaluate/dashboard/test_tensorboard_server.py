"""What is waited for before the address is told."""

from __future__ import annotations

import socket
import threading
import time

from keras_wa.evaluate.dashboard import tensorboard_server
from keras_wa.evaluate.dashboard.embedding import CONFIG


def test_a_tensorboard_that_does_not_answer_is_waited_for_once(tmp_path, monkeypatch):
    (tmp_path / CONFIG).touch()
    monkeypatch.setattr(tensorboard_server, "_WAIT_S", 0.2)
    monkeypatch.setattr(tensorboard_server, "_ASK_S", 0.01)
    # It takes connections and says nothing.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        start = time.monotonic()
        tensorboard_server._wait_for_projector(tmp_path, address, threading.Event())
        assert 0.2 <= time.monotonic() - start < 60
