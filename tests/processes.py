"""Python processes of their own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
Process = subprocess.Popen[bytes]


def python(
    *words: str | Path, cwd: Path = ROOT, code: int = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs `python words`, which finds this package and must exit with `code`."""
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done


@contextlib.contextmanager
def ending(processes: list[Process]) -> Iterator[None]:
    """Kills what still runs after a test."""
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
