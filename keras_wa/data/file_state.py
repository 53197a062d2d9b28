"""Detects whether a file has changed."""

from __future__ import annotations

from pathlib import Path


def state_of(path: Path) -> tuple[int, int, int] | None:
    """Returns size and change times (content, inode; ns) of a file, or None.

    Copying with times (`cp -p`, `tar`, `unzip`) and `touch -d` set the time of the
    content, but not that of the inode.
    """
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
