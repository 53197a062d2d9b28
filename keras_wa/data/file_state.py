"""What tells that a file is no longer the one that was read."""

from __future__ import annotations

from pathlib import Path


def state_of(path: Path) -> tuple[int, int, int] | None:
    """A file's size, and when its content and its inode changed, in ns.

    Copying with times (`cp -p`, `tar`, `unzip`) and `touch -d` set the time of the
    content to any value, but not that of the inode.

    Args:
        path: of the file.

    Returns:
        Size, time of the content, time of the inode; `None` if there is no such file.
    """
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
