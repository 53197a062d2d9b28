"""Commands that run until they are stopped."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tiny_model import start


@contextlib.contextmanager
def running(
    *words: str | Path, until: str
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """`keras-wa` with these words, once it has said a line that begins so.

    Yields:
        The process, which is killed at the end, and the lines up to that one.
    """
    process = start(*words)
    # Read on, so that it never waits for room in the pipe.
    errors: list[str] = []
    drain = threading.Thread(target=lambda: errors.extend(process.stderr or []))
    drain.start()
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith(until):
                break
        else:
            pytest.fail("".join(errors))
        yield process, lines
    finally:
        process.kill()
        process.wait()
        drain.join()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
