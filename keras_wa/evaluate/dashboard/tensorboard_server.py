"""Runs TensorBoard on a folder until it is stopped."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import signal
import socket
import threading
import time
import urllib.request
import warnings
from collections.abc import Callable
from pathlib import Path

from keras_wa.errors import UserError
from keras_wa.evaluate.dashboard.embedding import CONFIG

# Seconds between TensorBoard's checks for new epochs.
_RELOAD_S = 15
# Longest wait for the projector's tab, and the pause between requests, seconds.
_WAIT_S, _ASK_S = 10.0, 0.1


def require_free(host: str, port: int) -> None:
    """Checks that the server can listen on an address; port 0 is any free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise _cannot_listen(host, port, error.strerror or str(error)) from error


def show(log_dir: Path, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Shows a folder in TensorBoard until SIGTERM or Ctrl-C.

    `ready` is called with the address when the server is ready.

    Raises:
        UserError: the address is not available.
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    stopped = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    try:
        address = _launch(log_dir, host, port)
        _wait_for_projector(log_dir, address, stopped)
        ready(address)
        # On Windows Ctrl-C takes effect only when a wait ends.
        while not stopped.wait(1):
            pass
    finally:
        signal.signal(signal.SIGTERM, before)


def _launch(log_dir: Path, host: str, port: int) -> str:
    # At the start it logs advice on its own flags.
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # Warnings of TensorBoard's dependencies.
        warnings.simplefilter("ignore")
        from tensorboard import program

        board = program.TensorBoard()
    board.configure(
        logdir=str(log_dir.resolve()),
        host=host,
        port=port,
        reload_interval=_RELOAD_S,
        # Enough for all images and for one point per epoch.
        samples_per_plugin={"images": 100, "scalars": 10000},
    )
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            return str(board.launch())
    except (program.TensorBoardServerException, OSError) as error:
        reason = getattr(error, "msg", None) or str(error)
        raise _cannot_listen(host, port, reason) from error


def _cannot_listen(host: str, port: int, reason: str) -> UserError:
    return UserError(
        f"`host` and `port`. Received: {host} and {port}, which cannot be listened on "
        f"({reason}); expected an address of this machine and a port that is free."
    )


def _wait_for_projector(log_dir: Path, address: str, stopped: threading.Event) -> None:
    """Waits until TensorBoard has found the embeddings.

    It searches for them at the first request for its tabs, so the first page would
    lack the projector's tab.
    """
    if not any(log_dir.rglob(CONFIG)):
        return
    # The server is on this machine: no proxy.
    ask = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
    end = time.monotonic() + _WAIT_S
    while (left := end - time.monotonic()) > 0:
        with (
            contextlib.suppress(OSError, ValueError, KeyError),
            ask(f"{address}data/plugins_listing", timeout=left) as answer,
        ):
            if json.load(answer)["projector"]["enabled"]:
                return
        if stopped.wait(_ASK_S):
            return
