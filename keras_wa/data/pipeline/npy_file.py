"""Reads and writes image stacks as files, with errors of the disk.

On a full disk, writing through a memory map kills the process by SIGBUS; a plain write
raises an error.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_wa.errors import UserError

_BLOCK_BYTES = 1 << 24
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {
    *(errno.EACCES, errno.EPERM, errno.EROFS),
    *(errno.ENOENT, errno.ENOTDIR, errno.EEXIST),
}


class ImageStackFile:
    """A `.npy` file of (N, H, W) uint8 whose images are written in any order.

    It is continued if it has the size of `shape`, else created. Use it as a context
    manager.
    """

    def __init__(self, path: Path, shape: tuple[int, int, int]) -> None:
        self.path = path
        self.shape = shape
        self.resumed = has_stack_size(path, shape)
        if not self.resumed:
            with path.open("wb") as file:
                header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
                file.truncate(file.tell() + int(np.prod(shape)))
        self._file = path.open("r+b")
        self._offset = path.stat().st_size - int(np.prod(shape))

    def __enter__(self) -> ImageStackFile:
        """Returns the file."""
        return self

    def __exit__(self, *error: object) -> None:
        """Closes the file."""
        self._file.close()

    def write(self, row: int, images: NDArray[np.uint8]) -> None:
        """Writes one image (H, W), or several (K, H, W) from `row` on."""
        self._file.seek(self._offset + row * self.shape[1] * self.shape[2])
        self._file.write(np.ascontiguousarray(images, np.uint8).tobytes())

    def sync(self) -> None:
        """Syncs everything to the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())


def blocks(shape: tuple[int, ...]) -> Iterator[NDArray[np.int64]]:
    """Yields positions of a stack (N, H, W), at most 16 MB or one image at a time."""
    count, *size = shape
    step = max(1, _BLOCK_BYTES // max(1, int(np.prod(size))))
    for start in range(0, count, step):
        yield np.arange(start, min(start + step, count))


def read_images(
    images: NDArray[np.uint8], rows: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Copies images of a stack, at the positions `rows`, into memory.

    All of them are requested from the disk at once. A memory map alone reads a few
    pages at a time, which is 13 times slower for a stack larger than memory.
    """
    mapped = isinstance(images, np.memmap) and images.filename is not None
    if mapped and hasattr(os, "posix_fadvise"):
        _prefetch(images, rows)
    return np.asarray(images[rows])


def _prefetch(images: Any, rows: NDArray[np.int64]) -> None:
    size = images.strides[0]
    # This is only advice: if it fails, as for a file that was moved, images are read
    # without it.
    with contextlib.suppress(OSError), open(images.filename, "rb", 0) as file:
        for row in rows.tolist():
            first = images.offset + row * size
            os.posix_fadvise(file.fileno(), first, size, os.POSIX_FADV_WILLNEED)


def has_stack_size(path: Path, shape: tuple[int, int, int]) -> bool:
    """Returns whether a file has the size of an `ImageStackFile` of this shape."""
    return path.is_file() and path.stat().st_size == stack_bytes(shape)


def stack_bytes(shape: tuple[int, int, int]) -> int:
    """Returns the size of a `.npy` file of uint8 of this shape, bytes."""
    # NumPy pads the header to a multiple of 64 bytes.
    return 128 + int(np.prod(shape))


@contextlib.contextmanager
def disk_errors(folder: Path, needed: int) -> Iterator[None]:
    """Converts errors of a full disk or a read-only folder to `UserError`.

    `needed` is the number of bytes to write in all.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise UserError(full_disk(folder, needed)) from error
        if error.errno in _FORBIDDEN:
            raise UserError(
                f"{error.filename or folder}: cannot be written ({error.strerror}). "
                "Expected: a writable folder; choose one with `store_dir`."
            ) from error
        raise


def check_space(folder: Path, needed: int) -> None:
    """Raises `UserError` if fewer than `needed` bytes are free where `folder` is."""
    if shutil.disk_usage(folder).free < needed:
        raise UserError(full_disk(folder, needed))


def full_disk(folder: Path, needed: int) -> str:
    """Returns the message for a full disk."""
    try:
        free = f"{shutil.disk_usage(folder).free / 1e6:.1f} MB free"
    except OSError:
        free = "no space left"
    return (
        f"{folder}: the disk is full. Received: {free}; expected "
        f"{needed / 1e6:.1f} MB. Free some space, or choose another `store_dir` "
        "or a smaller `image_size`."
    )
