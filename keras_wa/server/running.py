"""Running the service: listens on a port, and shuts down gracefully."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn

from keras_wa.errors import UserError
from keras_wa.inference.classifier import Classifier
from keras_wa.server.app import create_app
from keras_wa.server.connections import BACKLOG, protocol_for
from keras_wa.server.engine import Engine
from keras_wa.server.limits import ServerSettings
from keras_wa.server.metrics import Metrics
from keras_wa.server.middleware import LimitsMiddleware

# Together less than the five seconds after which a supervisor may kill the process.
_ANSWER_S, _CLOSE_S, _THREADS_S = 3.0, 4.0, 0.2


def serve(
    classifier: Classifier, settings: ServerSettings, ready: Callable[[str], None]
) -> None:
    """Serves until SIGTERM or Ctrl-C; calls `ready` with the address once it does.

    Running requests have three more seconds then; one that takes longer gets a 503.
    """
    listener = _listen(settings)
    metrics = Metrics()
    engine = Engine(classifier, settings, metrics)
    app = create_app(engine, settings, metrics)
    config = uvicorn.Config(
        app,
        # h11 is slower than httptools, but stricter with untrusted input.
        http=protocol_for(settings.concurrency),
        backlog=BACKLOG,
        ws="none",
        lifespan="off",
        # For privacy, requests are not logged.
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_CLOSE_S,  # type: ignore[arg-type]
    )
    address = _address(listener)
    server = _Server(config, app, lambda: ready(address))
    # TensorFlow's objects are never freed. Without this the garbage collector scans
    # them again and again, and parsing large JSON takes ten times as long.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    # uvicorn raises the signal again at its end, which would kill the process.
    before = signal.signal(signal.SIGTERM, server.ask_to_exit)
    try:
        server.run(sockets=[listener])
    finally:
        idle = engine.close(_THREADS_S)
        signal.signal(signal.SIGTERM, before)
        if not idle:
            # A thread inside a library cannot be stopped, and Python would wait for it.
            sys.stdout.flush()
            os._exit(0)


class _Server(uvicorn.Server):
    """uvicorn's server; limits requests after a signal, calls `ready` when started."""

    def __init__(
        self, config: uvicorn.Config, app: LimitsMiddleware, ready: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._app, self._ready = app, ready

    def ask_to_exit(self, *_: object) -> None:
        """Stops the server; the signal handler while uvicorn has none installed."""
        self.should_exit = True

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._loop.call_soon_threadsafe(self._app.stop, _ANSWER_S)


def _listen(settings: ServerSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise UserError(
            f"`host` and `port`. Received: {settings.host} and {settings.port}, "
            f"which cannot be listened on ({error.strerror or error}); expected an "
            "address of this machine and a port that is free."
        ) from error


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
