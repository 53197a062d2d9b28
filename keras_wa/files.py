"""Folders that are walked, and files that are never half the old and half the new."""

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
except ImportError:  # Windows: two processes in one folder are not held apart
    fcntl = None  # type: ignore[assignment]

_MOST_BYTES = 255
"""Of a file name; the usual file systems take no more."""


_ASIDE = ".replaced-"
"""Before its name: a folder whose place another one is about to take."""

_MOMENT_S = 0.2  # Two renames take far less.


class FolderBusyError(UserError):
    """Another process holds a folder that this one needs for itself."""


def walk_files(root: Path, follow_links: bool = True) -> Iterator[str]:
    """Finds the files below a folder.

    Hidden files and folders are left out. A folder that can be reached in two ways is
    walked once, by the way without a link if there is one.

    Args:
        root: the folder.
        follow_links: whether to walk folders that are linked; linked files are always
            found.

    Yields:
        Paths relative to `root`, posix: those of a folder sorted by name, before those
        of its sub-folders; linked folders last.

    Raises:
        UserError: if the folder or one below it cannot be listed.
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
    """The error for a folder whose content cannot be read."""
    return UserError(
        f"{error.filename or folder}: cannot be listed ({error.strerror or error}). "
        "Expected: a readable folder; check the path and its permissions."
    )


@contextmanager
def locked(folder: Path, busy: str = "") -> Iterator[None]:
    """Makes a folder and holds it alone until the end of the block.

    The lock ends with the process, however that ends. Where the system has no locks the
    block runs without one.

    Args:
        folder: the folder; its parents are made too.
        busy: the message if another process holds it; by default that is waited for.

    Raises:
        FolderBusyError: with that message.
    """
    handle = None
    while handle is None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            in_the_way = os.path.lexists(folder) and not folder.is_dir()
            if in_the_way or not folder.parent.is_dir():
                raise
            continue  # It was a folder, and gone before `mkdir` looked.
        if fcntl is None:
            break
        try:
            handle = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            continue  # Who held it has renamed or removed it since.
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except BlockingIOError as error:
            os.close(handle)
            raise FolderBusyError(busy) from error
        except OSError:
            break  # The file system has no locks.
        if not _is_open_as(folder, handle):
            # Who held it has renamed or removed it.
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
    """The end of a file name that is too long.

    Args:
        name: the file name.
        most: bytes that are kept; by default there is room for a number before it.
    """
    while len(os.fsencode(name)) > most:
        name = name[1:]
    return name


def printable(text: str) -> str:
    """Text with `\\udcff` for a byte of a file's name that is no UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path to write, and renames it to `path` at the end.

    The temporary name is in the same folder and keeps the suffix, by which Keras and
    OpenCV choose a format. It is removed if the body fails.

    Args:
        path: the file or folder to write. An older file is replaced by a file, an older
            folder by a folder. If that fails, the older one is still there.

    Yields:
        A path that does not exist yet, for the body to write a file or a folder to.
    """
    start = f".{os.getpid()}.partial-"
    partial = path.with_name(start + shortened(path.name, _MOST_BYTES - len(start)))
    _remove(partial)  # A killed process may have had the same number.
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
    """Renames a folder to one that is there; the old one then has the new one's name.

    A folder cannot be renamed to one with content, so for a moment neither stands under
    `path`. Of a process that is killed in it, `put_back` finds the old one.
    """
    aside = _aside(path)
    try:
        os.rename(path, aside)
        os.rename(new, path)
    except BaseException:
        put_back(path)
        raise
    # Under this name no process takes what a removal leaves for a whole folder.
    with suppress(FileNotFoundError):  # Another process has removed it.
        os.rename(aside, new)


def put_back(path: Path) -> None:
    """Puts back the folder that a process killed in `replacing` had moved aside.

    Args:
        path: where the folder belongs. If another one stands there by now, the one
            aside is removed.
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
    with suppress(FileNotFoundError):  # The other process has removed it itself.
        os.rename(aside, partial)
    _remove(partial)


def _aside(path: Path) -> Path:
    return path.parent / f"{_ASIDE}{path.name}"  # A path may be `.`, without a name.


def remove_partials(folder: Path) -> None:
    """Cleans up after processes that were killed in `replacing`.

    What they had moved aside is put back, and what they left half-written is removed.

    Args:
        folder: where they wrote.
    """
    for aside in folder.glob(f"{_ASIDE}*"):
        put_back(aside.with_name(aside.name.removeprefix(_ASIDE)))
    for partial in folder.glob(".*.partial-*"):
        _remove(partial)


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Writes readable JSON atomically; NaN is an error, since JSON has none."""
    text = json.dumps(record, indent=2, allow_nan=False) + "\n"
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def without_nan(value: Any) -> Any:
    """Replaces NaN and infinity, which strict JSON lacks, by None at any depth."""
    if isinstance(value, Mapping):
        return {key: without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
