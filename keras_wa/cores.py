"""The number of usable CPU cores and of threads to read files with."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Returns the number of cores that this process may use.

    `taskset` or a container may limit it.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def reading_threads() -> int:
    """Returns the number of threads to read files with.

    It is larger than the number of cores, since some threads wait for the disk.
    """
    return min(8, usable_cores() + 2)
