"""A bucket and a folder of files on 127.0.0.1, as small as s5cmd and urllib allow."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from tests.waiting import DEADLINE_S


class Server(ThreadingHTTPServer):
    """Serves `objects` by path: `bucket/key`, or `folder/file`.

    Attributes:
        objects: path -> content.
        got: paths of the objects that were asked for, in order.
        short: path -> how many more times it lacks its last byte.
        instead: path -> what is sent in place of its content.
        failing: path -> how many more times it gives status 500.
        held: path -> asked for it, the server waits for this event.
    """

    daemon_threads = True

    def __init__(self, objects: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects = objects
        self.got: list[str] = []
        self.short: dict[str, int] = {}
        self.instead: dict[str, bytes] = {}
        self.failing: dict[str, int] = {}
        self.held: dict[str, threading.Event] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address) -> None:
        """A client that was killed is no error of the server."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(200, b"")

    def do_GET(self) -> None:
        split = urlsplit(self.path)
        path, query = unquote(split.path).strip("/"), parse_qs(split.query)
        if "list-type" in query:
            return self._answer(200, self._listing(path, query["prefix"][0]))
        self.server.got.append(path)
        if path in self.server.held:
            self.server.held[path].wait(DEADLINE_S)
        if self._counted(self.server.failing, path):
            return self._answer(500, b"")
        if path not in self.server.objects:
            return self._answer(404, b"")
        body = self.server.instead.get(path, self.server.objects[path])
        if self._counted(self.server.short, path):
            body = body[:-1]
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if not wanted:
            return self._answer(200, body)
        first, last = int(wanted[1]), min(int(wanted[2]), len(body) - 1)
        where = f"bytes {first}-{last}/{len(body)}"
        return self._answer(206, body[first : last + 1], {"Content-Range": where})

    def _counted(self, faults: dict[str, int], path: str) -> bool:
        faults[path] = faults.get(path, 0) - 1
        return faults[path] >= 0

    def _listing(self, bucket: str, prefix: str) -> bytes:
        contents = "".join(
            f"<Contents><Key>{path.removeprefix(bucket + '/')}</Key><Size>{len(body)}"
            "</Size><LastModified>2020-01-01T00:00:00.000Z</LastModified></Contents>"
            for path, body in sorted(self.server.objects.items())
            if path.startswith(f"{bucket}/{prefix}")
        )
        return (
            f"<ListBucketResult><IsTruncated>false</IsTruncated>{contents}"
            "</ListBucketResult>"
        ).encode()

    def _answer(
        self, status: int, body: bytes, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextlib.contextmanager
def serving(objects: dict[str, bytes]) -> Iterator[Server]:
    """A server in a thread of this process."""
    with Server(objects) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
