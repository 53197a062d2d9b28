"""Starts a `keras-wa serve` process for benchmarks."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_RUN = "import sys; from keras_wa.cli import main; sys.exit(main(sys.argv[1:]))"
_ADDRESS = re.compile(r"^Serving .* at http://127\.0\.0\.1:(\d+)")


@dataclass
class Served:
    """The process, the port that it listens on, and what it wrote to stderr."""

    process: subprocess.Popen[str]
    port: int
    errors: list[str] = field(default_factory=list)

    def metric(self, name: str) -> float:
        """Returns a number of `/metrics`, on a separate connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)
        assert found is not None, name
        return float(found[1])

    def megabytes(self) -> float:
        """Returns the resident memory of the process, MB."""
        return self.metric("process_resident_memory_bytes") / 2**20

    def terminate(self) -> tuple[int, float]:
        """Sends SIGTERM. Returns the exit code and the seconds it took."""
        began = time.perf_counter()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30), time.perf_counter() - began


@contextlib.contextmanager
def served(
    model: Path, *words: str, cwd: Path | None = None, tmp: Path | None = None
) -> Iterator[Served]:
    """Serves a model on a free port until the context ends.

    Args:
        model: a model for `keras-wa serve`.
        words: further arguments.
        cwd: working directory of the process.
        tmp: its folder for temporary files.
    """
    paths = [str(Path(__file__).resolve().parents[1]), *sys.path]
    process = subprocess.Popen(
        [sys.executable, "-c", _RUN, "serve", str(model), "--port", "0", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            **({} if tmp is None else {"TMPDIR": str(tmp)}),
        },
    )
    assert process.stdout is not None
    assert process.stderr is not None
    errors: list[str] = []
    # Read all output, so that the process never waits for space in the pipe.
    drain = threading.Thread(target=errors.extend, args=(process.stderr,), daemon=True)
    drain.start()
    try:
        port = next((m[1] for m in map(_ADDRESS.match, process.stdout) if m), None)
        if port is None:
            sys.exit("".join(errors))
        yield Served(process, int(port), errors)
    finally:
        process.kill()
        process.wait()
        drain.join()
