"""Waiting for what another thread or process does."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any

DEADLINE_S = 300.0
"""Only a failing test waits so long; a busy machine may need much of it."""


def until(event: Callable[[], bool], *processes: subprocess.Popen[Any]) -> None:
    """Returns within a few milliseconds of an event.

    Args:
        event: whether it has come.
        processes: what has to run until then.
    """
    end = time.monotonic() + DEADLINE_S
    while not event():
        for each in processes:
            assert each.poll() is None, f"it ended before, with {each.returncode}"
        assert time.monotonic() < end, "it never came"
        time.sleep(0.002)
