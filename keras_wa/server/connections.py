"""Connections: how many at once, and how long one may say nothing.

uvicorn waits for the first line of a request, and for a client to read its answer, as
long as the client likes. Each that makes it wait holds a file descriptor.
"""

from __future__ import annotations

import array
import asyncio
import json
import socket

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

try:
    import fcntl
    import termios
except ImportError:  # Windows: a slow reader's progress is seen more roughly there
    fcntl = termios = None  # type: ignore[assignment]

PATIENCE_S = 10.0
"""How long the head of a request may take, or an answer go unread; seconds."""

_MOST = 500  # Of the 1024 files that a process may commonly have open.
BACKLOG = 128
"""Connections that the kernel keeps until they are taken: all of them at once, beside
those that are there."""

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
        least_rate: bytes a second. Who reads an answer so fast is waited for again.
    """

    most = _MOST
    patience_s = PATIENCE_S
    least_rate = 2**14
    _timer: asyncio.TimerHandle | None = None
    _unread_before = 0

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
            victim = min(idle, key=LimitedProtocol._until)
            victim.transport.abort()
            # It is lost in a later turn of the loop, and this turn may have many more.
            self.connections.discard(victim)

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
        self._unread_before = self._unread()
        self._timer = self.loop.call_later(self.patience_s, self._give_up)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _unread(self) -> int:
        """Bytes of answers that the client has not taken; 0 once the kernel has all."""
        kept = self.transport.get_write_buffer_size()
        if not kept:
            return 0
        # The kernel takes more in large lumps only: its part shows a slow reader's
        # progress.
        return kept + _unsent(self.transport.get_extra_info("socket"))

    def _give_up(self) -> None:
        self._timer = None
        unread = self._unread()
        read = self._unread_before - unread
        if unread and read >= self.least_rate * self.patience_s:
            self._wait()
            return
        if self.transport.is_closing() or unread or self.conn.our_state is not h11.IDLE:
            self.transport.abort()
            return
        self.transport.write(_LATE)
        self.transport.close()
        self._wait()


def _unsent(made: socket.socket) -> int:
    """Bytes that the kernel holds for the other end; 0 where it does not say."""
    held = array.array("i", [0])
    if fcntl is None:
        return 0
    try:
        fcntl.ioctl(made.fileno(), termios.TIOCOUTQ, held)
    except OSError:
        return 0
    return held[0]


def protocol_for(concurrency: int) -> type[LimitedProtocol]:
    """The protocol of a service that has room for so many predictions at once."""

    class Limited(LimitedProtocol):
        most = max(_MOST, 2 * concurrency)

    return Limited
