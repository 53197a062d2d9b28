"""Middleware that checks every request: token, size, concurrency and time.

It wraps the application, so that a rejected request is not processed at all. The
middlewares of Starlette (1.10) limit each body separately and answer in plain text.
uvicorn's `limit_concurrency` (0.54) counts silent connections: with a limit of 4 and
four of them open, the next request got 503 (2026-11-29).
"""

from __future__ import annotations

import asyncio
import hmac
import math
import time

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


class LimitsMiddleware:
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
        self.settings, self.metrics = settings, metrics
        self._paths, self._open = paths, open_paths
        # Predictions under way, and bytes of bodies in memory.
        self.busy = self.held = 0
        self._deadlines: set[anyio.CancelScope] = set()
        self._last = math.inf  # Deadline of all requests once the service is stopping.

    def stop(self, seconds: float) -> None:
        """Limits the remaining time of all requests, new ones included.

        Call it in the thread of the event loop.
        """
        self._last = min(self._last, asyncio.get_running_loop().time() + seconds)
        for scope in self._deadlines:
            scope.deadline = min(scope.deadline, self._last)

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._last < math.inf

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request to the application, or rejects it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        request = _Request(self, scope, receive, send)
        try:
            refused = self._refused(scope)
            if refused is None:
                await self._pass(request)
            else:
                await refused(scope, receive, request.send)
        finally:
            request.release()
            path = scope["path"] if scope["path"] in self._paths else "other"
            self.metrics.requests.labels(path, str(request.status or 500)).inc()
            self.metrics.seconds.labels(path).observe(time.monotonic() - began)

    def _refused(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        settings = self.settings
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
                    "Authorization. Received: no token or a wrong one; expected "
                    "'Bearer TOKEN' with the token of the service.",
                    {"WWW-Authenticate": "Bearer"},
                )
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > settings.max_bytes:
            return refusal(413, _large(settings))
        if scope["method"] == "POST" and self.busy >= settings.concurrency:
            return refusal(503, _busy(settings), _RETRY)
        return None

    async def _pass(self, request: _Request) -> None:
        scope, receive, send = request.scope, request.receive, request.send
        with anyio.move_on_after(self.settings.timeout) as deadline:
            deadline.deadline = min(deadline.deadline, self._last)
            self._deadlines.add(deadline)
            try:
                await self._app(scope, receive, send)
            finally:
                self._deadlines.discard(deadline)
        if deadline.cancelled_caught and request.status is None:
            await self._late(request.complete)(scope, receive, send)

    def _late(self, complete: bool) -> JSONResponse:
        if self.stopping:
            return refusal(503, "The service is being stopped. Try again.", _RETRY)
        seconds = f"{self.settings.timeout:g} s"
        if not complete:
            return refusal(408, f"The request did not arrive within {seconds}.")
        return refusal(504, f"No answer within {seconds}. Try again.", _RETRY)


class _Request:
    """A request under way: counts its body as it arrives, and watches its response.

    Attributes:
        complete: whether the whole body was received.
        status: status of the response; None before it starts.
    """

    def __init__(
        self, owner: LimitsMiddleware, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._owner, self.scope = owner, scope
        self._receive, self._send = receive, send
        self.complete = False
        self.status: int | None = None
        self._size = 0
        self._is_counted = self._is_early = False

    async def receive(self) -> Message:
        """Receives a part of the body, within the limits."""
        message = await self._receive()
        if message["type"] == "http.request":
            owner, settings = self._owner, self._owner.settings
            more = len(message.get("body", b""))
            self._size += more
            owner.held += more
            if self._size > settings.max_bytes:
                raise HTTPException(413, _large(settings))
            if owner.held > settings.held_bytes:
                raise HTTPException(
                    503,
                    "Busy. Received: more data than all requests may have. Try again.",
                    _RETRY,
                )
            self.complete = not message.get("more_body", False)
            # Not counted before, so that slow clients do not block others.
            if self.complete and self.scope["method"] == "POST":
                if owner.busy >= settings.concurrency:
                    raise HTTPException(503, _busy(settings), _RETRY)
                self._is_counted = True
                owner.busy += 1
                owner.metrics.under_way.inc()
        return message

    async def send(self, message: Message) -> None:
        """Sends a part of the response."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            # The rest of the body is not awaited.
            self._is_early = not self.complete and _has_body(self.scope)
            message = _with_headers(message, self._is_early or self._owner.stopping)
        elif not message.get("more_body"):
            # Before the last message: the client may send its next request immediately.
            self.release()
            if self._is_early:
                await self._send({**message, "more_body": True})
                await _drain(self._receive)
                message = {"type": "http.response.body"}
        await self._send(message)

    def release(self) -> None:
        """Stops counting the request."""
        self._owner.held -= self._size
        self._size = 0
        if self._is_counted:
            self._is_counted = False
            self._owner.busy -= 1
            self._owner.metrics.under_way.dec()


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
