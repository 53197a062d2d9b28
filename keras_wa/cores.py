"""How many processors there are for this process, and threads to read files with."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Cores that this process may use, which `taskset` or a container may limit."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def reading_threads() -> int:
    """Threads that read files: more than cores, as some wait for the disk."""
    return min(8, usable_cores() + 2)
