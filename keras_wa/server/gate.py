"""Middleware that checks every request: token, size, concurrency and time.

It wraps the application, so that a rejected request is not processed at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import anyio
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from keras_wa.server.limits import LOOPBACK_NAMES, ServerSettings
from keras_wa.server.metrics import Metrics

_RETRY = {"Retry-After": "1"}
_DRAIN_S, _DRAIN_BYTES = 1.0, 2**28
# Responses are data, not pages: a browser must not run the content of a file.
_HEADERS = {
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"cross-origin-resource-policy": b"same-origin",
    b"referrer-policy": b"no-referrer",
    b"cache-control": b"no-store",
}


def refusal(
    status: int, message: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Builds the JSON response of an error."""
    return JSONResponse({"error": message}, status, headers)


class Gate:
    """ASGI middleware that limits and counts requests.

    Args:
        app: the wrapped application.
        settings: settings and limits of the service.
        metrics: the counters to update.
        paths: paths with separate counters. All others share one, so that clients
            cannot fill the memory with counters.
        open_paths: paths that need no token.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: ServerSettings,
        metrics: Metrics,
        paths: frozenset[str],
        open_paths: frozenset[str],
    ) -> None:
        self._app = app
        self._settings, self._metrics = settings, metrics
        self._paths, self._open = paths, open_paths
        self._busy = self._held = 0
        self._deadlines: set[anyio.CancelScope] = set()
        self._last = math.inf  # Deadline of all requests once the service is stopping.

    def stop(self, seconds: float) -> None:
        """Limits the remaining time of all requests, new ones included.

        Call it in the thread of the event loop.

        Args:
            seconds: the remaining time.
        """
        self._last = min(self._last, asyncio.get_running_loop().time() + seconds)
        for scope in self._deadlines:
            scope.deadline = min(scope.deadline, self._last)

    @property
    def _stopping(self) -> bool:
        return self._last < math.inf

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request to the application, or rejects it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        path = scope["path"] if scope["path"] in self._paths else "other"
        status, early = 500, False
        with contextlib.ExitStack() as held:
            body = _Body(receive, self._settings, self, lambda: self._work(scope, held))

            async def answer(message: Message) -> None:
                nonlocal status, early
                if message["type"] == "http.response.start":
                    status = message["status"]
                    # The rest of the body is not awaited.
                    early = not body.complete and _has_body(scope)
                    message = _with_headers(message, early or self._stopping)
                elif not message.get("more_body"):
                    # Released before the last message: the client may send its next
                    # request immediately.
                    held.close()
                    if early:
                        await send({**message, "more_body": True})
                        await _drain(receive)
                        message = {"type": "http.response.body"}
                await send(message)

            try:
                refused = self._refused(scope)
                if refused is None:
                    held.callback(self._forget, body)
                    await self._pass(scope, body, answer)
                else:
                    await refused(scope, receive, answer)
            finally:
                self._metrics.requests.labels(path, str(status)).inc()
                self._metrics.seconds.labels(path).observe(time.monotonic() - began)

    def _refused(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        settings = self._settings
        if not settings.token and _name(headers.get("host", "")) not in {
            *LOOPBACK_NAMES,
            settings.host,
        }:
            # Prevents DNS rebinding: a web page whose host name resolves to this one.
            return refusal(
                421, "Host. Received: another name; expected this machine's own."
            )
        if settings.token and scope["path"] not in self._open:
            given = headers.get("authorization", "")
            wanted = f"Bearer {settings.token}"
            if not hmac.compare_digest(given.encode(), wanted.encode()):
                return refusal(
                    401,
                    "Authorization. Received: no token or another; expected 'Bearer "
                    "TOKEN', with the one that the service was started with.",
                    {"WWW-Authenticate": "Bearer"},
                )
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > settings.max_bytes:
            return _too_large(settings)
        if scope["method"] == "POST" and self._busy >= settings.concurrency:
            return refusal(503, _busy(settings), _RETRY)
        return None

    def _work(self, scope: Scope, held: contextlib.ExitStack) -> None:
        """Counts a request once its body has arrived.

        It is not counted before, so that slow clients do not block others.
        """
        if scope["method"] == "POST":
            if self._busy >= self._settings.concurrency:
                raise HTTPException(503, _busy(self._settings), _RETRY)
            held.enter_context(self._counted())

    async def _pass(self, scope: Scope, body: _Body, answer: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await answer(message)

        with anyio.move_on_after(self._settings.timeout) as deadline:
            deadline.deadline = min(deadline.deadline, self._last)
            self._deadlines.add(deadline)
            try:
                await self._app(scope, body.receive, watched)
            finally:
                self._deadlines.discard(deadline)
        if deadline.cancelled_caught and not started:
            await self._late(body.complete)(scope, body.receive, answer)

    def _late(self, complete: bool) -> JSONResponse:
        if self._stopping:
            return refusal(503, "The service is being stopped. Try again.", _RETRY)
        seconds = f"{self._settings.timeout:g} s"
        if not complete:
            return refusal(408, f"The request did not arrive within {seconds}.")
        return refusal(504, f"No answer within {seconds}. Try again.", _RETRY)

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        self._busy += 1
        self._metrics.under_way.inc()
        try:
            yield
        finally:
            self._busy -= 1
            self._metrics.under_way.dec()

    def _forget(self, body: _Body) -> None:
        self._held -= body.size

    def hold(self, size: int) -> bool:
        """Counts bytes that are held in memory.

        Returns:
            Whether the total is within the limit.
        """
        self._held += size
        return self._held <= self._settings.held_bytes


class _Body:
    """The body of a request; reading it fails when it becomes too large.

    Attributes:
        size: bytes received.
        complete: whether the whole body was received.
    """

    def __init__(
        self,
        receive: Receive,
        settings: ServerSettings,
        gate: Gate,
        on_complete: Callable[[], None],
    ) -> None:
        self._receive, self._settings, self._gate = receive, settings, gate
        self._on_complete = on_complete
        self.size, self.complete = 0, False

    async def receive(self) -> Any:
        message = await self._receive()
        if message["type"] == "http.request":
            more = len(message.get("body", b""))
            self.size += more
            room = self._gate.hold(more)
            if self.size > self._settings.max_bytes:
                raise HTTPException(413, _large(self._settings))
            if not room:
                raise HTTPException(
                    503,
                    "Busy. Received: more than all requests together may have; "
                    "expected less. Try again.",
                    _RETRY,
                )
            self.complete = not message.get("more_body", False)
            if self.complete:
                self._on_complete()
        return message


def _too_large(settings: ServerSettings) -> JSONResponse:
    return refusal(413, _large(settings))


def _busy(settings: ServerSettings) -> str:
    return (
        f"Busy. Received: one request more than {settings.concurrency} at once; "
        "expected less. Try again."
    )


def _large(settings: ServerSettings) -> str:
    return (
        f"The request is too large. Received: more than {settings.max_megabytes:g} "
        f"MiB; expected at most {settings.max_megabytes:g} MiB "
        "(`max_megabytes` of the service)."
    )


def _name(host: str) -> str:
    """Returns the host of a Host header, without port and IPv6 brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


async def _drain(receive: Receive) -> None:
    """Reads and drops the rest of a body, for a limited time.

    Closing the connection earlier resets it, and the client may lose the response.
    """
    size, more = 0, True
    with anyio.move_on_after(_DRAIN_S):
        while more and size < _DRAIN_BYTES:
            message = await receive()
            size += len(message.get("body", b""))
            more = message.get("more_body", False)


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _with_headers(message: Message, close: bool) -> Message:
    own = message.get("headers", [])
    if close:
        own = [*own, (b"connection", b"close")]
    names = {name.lower() for name, _ in own}
    more = [(name, value) for name, value in _HEADERS.items() if name not in names]
    return {**message, "headers": [*own, *more]}
