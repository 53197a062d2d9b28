"""Walking folders, locking folders, and writing files atomically."""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from keras_wa.errors import UserError

try:
    import fcntl
except ImportError:  # Windows: folders are not locked.
    fcntl = None  # type: ignore[assignment]

_MOST_BYTES = 255
"""Maximum length of a file name on common file systems."""


_ASIDE = ".replaced-"
"""Prefix of a folder that is being replaced by another one."""

_MOMENT_S = 0.2  # Two renames take much less.


class FolderBusyError(UserError):
    """Another process has locked a folder that this one needs."""


def walk_files(root: Path, follow_links: bool = True) -> Iterator[str]:
    """Finds the files below a folder.

    Hidden files and folders are left out. A folder that can be reached by several paths
    is walked once, by a path without a link if there is one. Linked files are always
    found, linked folders with `follow_links`.

    Yields:
        POSIX paths relative to `root`: the files of a folder sorted by name, then those
        of its sub-folders; linked folders last.
    """

    def fail(error: OSError) -> None:
        raise cannot_be_listed(error, root) from error

    seen = set()
    places = [root]
    while places:
        links: list[Path] = []
        for place in places:
            for parent, folders, files in os.walk(place, onerror=fail):
                state = os.stat(parent)
                if (state.st_dev, state.st_ino) in seen:
                    folders.clear()
                    continue
                seen.add((state.st_dev, state.st_ino))
                folders[:] = sorted(name for name in folders if name[0] != ".")
                inside = (Path(parent, name) for name in folders)
                links += (path for path in inside if path.is_symlink())
                above = Path(parent).relative_to(root)
                names = sorted(name for name in files if name[0] != ".")
                yield from ((above / name).as_posix() for name in names)
        places = links if follow_links else []


def cannot_be_listed(error: OSError, folder: Path) -> UserError:
    """Builds the error for a folder that cannot be listed."""
    return UserError(
        f"{error.filename or folder}: cannot be listed ({error.strerror or error}). "
        "Expected: a readable folder; check the path and its permissions."
    )


@contextmanager
def locked(folder: Path, busy: str = "") -> Iterator[None]:
    """Creates a folder and locks it until the end of the block.

    The lock is released when the process ends, even if it is killed. On a system
    without locks the block runs without one. If another process has the lock, this
    waits for it, or with `busy` raises a `FolderBusyError` with that message.
    """
    handle = None
    while handle is None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            in_the_way = os.path.lexists(folder) and not folder.is_dir()
            if in_the_way or not folder.parent.is_dir():
                raise
            continue  # The folder was removed before `mkdir` checked it.
        if fcntl is None:
            break
        try:
            handle = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            continue  # The process that held the lock renamed or removed the folder.
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except BlockingIOError as error:
            os.close(handle)
            raise FolderBusyError(busy) from error
        except OSError:
            break  # The file system has no locks.
        if not _is_open_as(folder, handle):
            # The process that held the lock renamed or removed the folder.
            os.close(handle)
            handle = None
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _is_open_as(folder: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(folder), os.fstat(handle))
    except FileNotFoundError:
        return False


def shortened(name: str, most: int = _MOST_BYTES - 16) -> str:
    """Shortens a file name that is too long by removing its start.

    The default leaves room for a number before it.
    """
    while len(os.fsencode(name)) > most:
        name = name[1:]
    return name


def printable(text: str) -> str:
    """Escapes the bytes of a file name that are not UTF-8, as in `\\udcff`."""
    return text.encode("utf-8", "backslashreplace").decode()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path to write a file or folder to, and renames it at the end.

    The temporary path is in the same folder and keeps the suffix, from which Keras and
    OpenCV choose the format. It is removed if the block fails. A file replaces an
    existing file, a folder an existing folder. If that fails, the existing one is kept.
    """
    start = f".{os.getpid()}.partial-"
    partial = path.with_name(start + shortened(path.name, _MOST_BYTES - len(start)))
    _remove(partial)  # A killed process may have had the same process id.
    put_back(path)
    try:
        yield partial
        if partial.is_dir() and path.is_dir():
            _replace_folder(partial, path)
        else:
            os.replace(partial, path)
    finally:
        _remove(partial)


def _replace_folder(new: Path, path: Path) -> None:
    """Swaps a new folder with the one at `path`.

    A folder cannot be renamed to a non-empty one, so for a moment `path` does not
    exist. If the process is killed then, `put_back` restores the old folder.
    """
    aside = _aside(path)
    try:
        os.rename(path, aside)
        os.rename(new, path)
    except BaseException:
        put_back(path)
        raise
    # Under a partial name, no process mistakes a half-removed folder for a whole one.
    with suppress(FileNotFoundError):  # Another process has removed it.
        os.rename(aside, new)


def put_back(path: Path) -> None:
    """Restores a folder that a process killed in `replacing` had moved aside.

    If there is a folder at the path already, the one that was moved aside is removed.
    """
    aside = _aside(path)
    if not os.path.lexists(aside):
        return
    if not os.path.lexists(path):
        # Another process may be between its two renames.
        time.sleep(_MOMENT_S)
        if not os.path.lexists(path):
            os.rename(aside, path)
            return
    partial = path.with_name(f".{os.getpid()}.partial-{path.name}")
    _remove(partial)
    with suppress(FileNotFoundError):  # The other process has removed it.
        os.rename(aside, partial)
    _remove(partial)


def _aside(path: Path) -> Path:
    return path.parent / f"{_ASIDE}{path.name}"  # The path `.` has no name.


def remove_partials(folder: Path) -> None:
    """Cleans up a folder after processes that were killed in `replacing`.

    Folders that were moved aside are restored, partial files and folders are removed.
    """
    for aside in folder.glob(f"{_ASIDE}*"):
        put_back(aside.with_name(aside.name.removeprefix(_ASIDE)))
    for partial in folder.glob(".*.partial-*"):
        _remove(partial)


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Writes indented JSON atomically; NaN raises an error, since JSON has no NaN."""
    text = json.dumps(record, indent=2, allow_nan=False) + "\n"
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def without_nan(value: Any) -> Any:
    """Replaces NaN and infinity, which strict JSON lacks, by `None` at any depth."""
    if isinstance(value, Mapping):
        return {key: without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def make_folder(name: str | Path, parameter: str = "out") -> Path:
    """Creates an output folder.

    Raises:
        UserError: it cannot be made.
    """
    folder = Path(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"`{parameter}`. Received: {name} ({error.strerror}); expected a folder, "
            "or a place where one can be made."
        ) from error
    return folder
