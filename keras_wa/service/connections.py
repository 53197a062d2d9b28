"""Connections: how many at once, and how long one may say nothing.

uvicorn waits for the first line of a request, and for a client to read its answer, as
long as the client likes. Each that makes it wait holds a file descriptor.
"""

from __future__ import annotations

import asyncio
import json
import socket

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE_S = 10.0
"""How long the head of a request, or the reading of an answer, may take; seconds."""

_MOST = 500  # Of the 1024 files that a process may commonly have open.
_LATE_BODY = json.dumps(
    {"error": f"No request arrived within {PATIENCE_S:g} s. Connect again."}
).encode()
_LATE = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(_LATE_BODY), _LATE_BODY)
)


class LimitedProtocol(H11Protocol):
    """uvicorn's protocol, with a limit of its patience.

    While a request is under way its own deadline counts, which the gate keeps.

    Attributes:
        most: connections at once. One more, and the one that has waited longest without
            a request is cut off: whoever asks at once gets through, however many
            connections idle.
        patience_s: see `PATIENCE_S`.
    """

    most = _MOST
    patience_s = PATIENCE_S
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Waits for a request from now on."""
        super().connection_made(transport)
        # asyncio does it for sockets alone that say they are TCP's, which accepted ones
        # do not. The body of an answer waited 40 ms for its head to be acknowledged.
        transport.get_extra_info("socket").setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )
        self._wait()
        if len(self.connections) > self.most:
            idle = [
                each
                for each in self.connections
                if isinstance(each, LimitedProtocol) and not each._is_asked()
            ]
            min(idle, key=LimitedProtocol._until).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits for nothing any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Once the head of a request is there, the wait is over."""
        super().handle_events()
        if self._is_asked() and not self.flow.write_paused:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Waits for the next request, or until the client has read the answer."""
        super().on_response_complete()
        if not self._is_asked():
            self._wait()

    def pause_writing(self) -> None:
        """The client does not read: waits for that."""
        super().pause_writing()
        self._wait()

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        if self._is_asked():
            self._stop_waiting()

    def _is_asked(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _until(self) -> float:
        return self._timer.when() if self._timer is not None else float("inf")

    def _wait(self) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(self.patience_s, self._give_up)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        unread = self.transport.get_write_buffer_size()
        if self.transport.is_closing() or unread or self.conn.our_state is not h11.IDLE:
            self.transport.abort()
            return
        self.transport.write(_LATE)
        self.transport.close()
        self._wait()


def protocol_for(concurrency: int) -> type[LimitedProtocol]:
    """The protocol of a service that has room for so many predictions at once."""

    class Limited(LimitedProtocol):
        most = max(_MOST, 2 * concurrency)

    return Limited
