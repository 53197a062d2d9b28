"""Clients that are slow, silent or deaf give no trouble to others."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from keras_wa.server.connections import LimitedProtocol, protocol_for
from tests.waiting import DEADLINE_S, until

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
WHOLE = HEAD + b"\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n"
FINE = b"HTTP/1.1 200 OK\r\n"
LARGE = 2**18


async def answers(scope: Scope, receive: Receive, send: Send) -> None:
    """As many bytes as the path says, once the body is there."""
    size = int(scope["path"][1:] or 5)
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-length", str(size).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"x" * size})


class Kept:
    """A server of the protocol in a thread, and connections to it."""

    def __init__(self, stack: contextlib.ExitStack, **limits: Any) -> None:
        self._stack = stack
        protocol = type("Protocol", (LimitedProtocol,), limits)
        config = uvicorn.Config(
            answers, http=protocol, lifespan="off", ws="none", log_config=None
        )
        self._server = uvicorn.Server(config)
        self._listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        thread = threading.Thread(target=self._server.run, args=([self._listener],))
        thread.start()
        stack.callback(thread.join)
        stack.callback(setattr, self._server, "should_exit", True)
        stack.callback(setattr, self._server, "force_exit", True)

    def connect(self, sent: bytes = b"", **options: int) -> socket.socket:
        made = self._stack.enter_context(socket.socket())
        made.settimeout(DEADLINE_S)
        for name, value in options.items():
            made.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        made.connect(self.address())
        made.sendall(sent)
        return made

    def connections(self) -> int:
        return len(self._server.server_state.connections)

    def address(self) -> Any:
        return self._listener.getsockname()

    @contextlib.contextmanager
    def held_up(self) -> Iterator[None]:
        """What comes meanwhile comes to the server at once."""
        loop = next(iter(self._server.server_state.connections)).loop
        going = threading.Event()
        loop.call_soon_threadsafe(going.wait, DEADLINE_S)
        try:
            yield
        finally:
            going.set()

    def ask(self, made: socket.socket | None = None, sent: bytes = WHOLE) -> bytes:
        """Sends the rest of a request; the first line of the answer."""
        made = made or self.connect()
        made.sendall(sent)
        answer = b""
        while not answer.endswith(b"\r\n\r\nxxxxx"):
            data = made.recv(4096)
            assert data, answer
            answer += data
        return answer.partition(b"\r\n")[0] + b"\r\n"


@contextlib.contextmanager
def kept(**limits: Any) -> Iterator[Kept]:
    with contextlib.ExitStack() as stack:
        yield Kept(stack, **limits)


def rest_of(made: socket.socket) -> bytes:
    """What still comes until the connection ends, however it ends."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while data := made.recv(2**20):
            found += data
    return found


def test_a_request_whose_head_does_not_come_is_given_up() -> None:
    with kept(patience_s=0.2) as server:
        for sent in (b"", b"GET / HT", HEAD + b"X: y\r\n"):
            silent = server.connect(sent)
            assert server.ask() == FINE, "others are served meanwhile"
            late = rest_of(silent)
            assert late.startswith(b"HTTP/1.1 408 ")
            assert b'{"error": "No request arrived within' in late


def test_a_head_that_comes_byte_by_byte_is_given_up_too() -> None:
    with kept(patience_s=0.2) as server:
        slow = server.connect(HEAD + b"X: ")
        slow.settimeout(0.02)
        for _ in range(int(DEADLINE_S / 0.02)):
            # Closed by the other end; what is sent afterwards resets it.
            with contextlib.suppress(TimeoutError):
                with contextlib.suppress(ConnectionResetError):
                    assert slow.recv(100)[:13] in (b"HTTP/1.1 408 ", b"")
                break
            slow.sendall(b"y")
        else:
            pytest.fail("it was never given up")


def test_a_body_may_take_longer_and_a_connection_is_used_again() -> None:
    with kept(patience_s=0.2) as server:
        stream, silent = server.connect(POST), server.connect()
        assert rest_of(silent), "the patience is over"
        found = [server.ask(stream, b"1"), server.ask(stream), server.ask(stream)]
        assert found == [FINE] * 3


def test_who_does_not_read_the_answer_is_cut_off() -> None:
    with kept(patience_s=0.2) as server:
        # More answers than the buffers of both ends hold.
        sent = b"GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % LARGE * 64
        deaf, silent = server.connect(sent, SO_RCVBUF=4096), server.connect()
        assert server.ask(sent=HEAD + b"Connection: close\r\n\r\n") == FINE
        assert rest_of(silent), "the patience is over"
        # The first of them waits from when the buffers are full.
        until(lambda: not server.connections())
        assert len(rest_of(deaf)) < 64 * LARGE


def test_beyond_the_limit_the_one_that_waits_longest_makes_room() -> None:
    with kept(most=4, patience_s=60) as server:
        at_work = server.connect(POST)
        assert server.ask() == FINE, "so that the head was read"
        silent = [server.connect(HEAD) for _ in range(20)]
        for _ in range(3):
            assert server.ask() == FINE
        assert rest_of(silent[0]) == b"", "cut off"
        assert server.ask(at_work, b"1") == FINE


def test_the_limit_holds_for_many_that_come_at_once() -> None:
    with kept(most=4, patience_s=60) as server, contextlib.ExitStack() as stack:
        assert server.ask(server.connect()) == FINE
        with server.held_up():
            for _ in range(200):
                made = stack.enter_context(socket.socket())
                made.setblocking(False)
                made.connect_ex(server.address())
        assert server.ask() == FINE, "so that all of them were taken"
        assert server.connections() == 4


def test_a_steady_reader_is_waited_for_however_slow() -> None:
    sent = b"GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % LARGE * 64
    # Long beside what a loaded machine may hold up this reader for.
    with kept(patience_s=1.0) as server:
        deaf, slow = (server.connect(sent, SO_RCVBUF=2**16) for _ in range(2))
        read = 0
        for _ in range(4):
            silent = server.connect()
            # Until its patience is over, half a megabyte a second.
            while not select.select([silent], [], [], 0.02)[0]:
                read += len(slow.recv(2**14))
        assert 0 < read < 32 * LARGE, "or it was not slow"
        assert len(rest_of(deaf)) < 64 * LARGE, "cut off"
        assert read + len(rest_of(slow)) > 64 * LARGE, "all of them"


def test_more_connections_are_kept_for_more_predictions_at_once() -> None:
    assert protocol_for(128).most == 500
    assert protocol_for(1000).most == 2000
