"""Limits for connections: their number and their idle time.

uvicorn (0.54) has no timeout for the head of a request, or for a client that does not
read its response: with `timeout_keep_alive=1`, half a head was still open after 60 s,
and an unread response after 30 s (2026-11-29). Each uses a file descriptor.
"""

from __future__ import annotations

import array
import asyncio
import itertools
import json
import math
import socket

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

try:
    import fcntl
    import termios
except ImportError:  # Windows: the progress of slow readers is less exact.
    fcntl = termios = None  # type: ignore[assignment]

PATIENCE_S = 10.0
"""Seconds for the head of a request to arrive, and for a response to be read."""

_MOST = 500  # Processes are usually limited to 1024 open files.
BACKLOG = 128
"""Connections that the kernel queues until they are accepted. They are accepted all at
once, in addition to the open connections."""

_LATE_BODY = json.dumps(
    {"error": f"No request arrived within {PATIENCE_S:g} s. Connect again."}
).encode()
_LATE = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(_LATE_BODY), _LATE_BODY)
)


class LimitedProtocol(H11Protocol):
    """uvicorn's HTTP protocol with limits for idle connections.

    While a request is being answered, the middleware's timeout applies instead.

    Attributes:
        most: maximum number of connections. One more closes the connection that has
            been idle longest, so that idle connections do not block new requests.
        patience_s: see `PATIENCE_S`.
        least_rate: bytes per second. A client that reads at this rate gets more time.
    """

    most = _MOST
    patience_s = PATIENCE_S
    least_rate = 2**14
    _timer: asyncio.TimerHandle | None = None
    # Not the timers' times: uvloop's have milliseconds, in which many connections come.
    _turns = itertools.count()
    _turn: float = math.inf
    _unread_before = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts waiting for a request."""
        super().connection_made(transport)
        # asyncio sets it only for sockets with the protocol TCP, which accepted sockets
        # lack. Without it a response's body waits 40 ms for the ACK of its head.
        transport.get_extra_info("socket").setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )
        self._wait()
        if len(self.connections) > self.most:
            idle = [
                each
                for each in self.connections
                if isinstance(each, LimitedProtocol) and not each._is_requested()
            ]
            victim = min(idle, key=lambda each: each._turn)
            victim.transport.abort()
            # uvicorn removes it in a later iteration of the event loop; more
            # connections may arrive in this one.
            self.connections.discard(victim)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Stops waiting once the head of a request has arrived."""
        super().handle_events()
        if self._is_requested() and not self.flow.write_paused:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Starts waiting for the next request, or for the response to be read."""
        super().on_response_complete()
        if not self._is_requested():
            self._wait()

    def pause_writing(self) -> None:
        """Starts waiting for the client to read."""
        super().pause_writing()
        self._wait()

    def resume_writing(self) -> None:
        """Stops waiting for the client to read."""
        super().resume_writing()
        if self._is_requested():
            self._stop_waiting()

    def _is_requested(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        self._stop_waiting()
        self._unread_before = self._unread()
        self._turn = next(self._turns)
        self._timer = self.loop.call_later(self.patience_s, self._give_up)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._turn = None, math.inf

    def _unread(self) -> int:
        """Returns the bytes of responses to send; 0 once the kernel has all."""
        kept = self.transport.get_write_buffer_size()
        if not kept:
            return 0
        # The kernel takes data in large chunks, so its buffer is needed to see the
        # progress of a slow reader.
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
    """Returns the bytes in the kernel's send buffer; 0 if unknown."""
    held = array.array("i", [0])
    if fcntl is None:
        return 0
    try:
        fcntl.ioctl(made.fileno(), termios.TIOCOUTQ, held)
    except OSError:
        return 0
    return held[0]


def protocol_for(concurrency: int) -> type[LimitedProtocol]:
    """Returns the protocol class for a number of concurrent predictions."""

    class Limited(LimitedProtocol):
        most = max(_MOST, 2 * concurrency)

    return Limited
