"""Deflated DICOM files that would fill the memory.

pydicom inflates the whole of such a file before it looks at a single attribute, and a
few megabytes of it may stand for many gigabytes.
"""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from pydicom.filereader import read_dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from keras_wa.errors import UserError

MOST = 2**29
"""The greatest size of an inflated file in bytes; mammograms have up to 80 million."""

_STEP = 2**24
_MARK = slice(128, 132)


def refuse_bomb(data: bytes, name: str, most: int | None = None) -> None:
    """Refuses a deflated file that inflates to more bytes than a mammogram has.

    Args:
        data: the bytes of a DICOM file of any transfer syntax.
        name: the file, for messages.
        most: bytes that are too few to be refused, `MOST` or less.

    Raises:
        UserError: it does. It takes no more than some 16 MB to find out.
    """
    start = _start_of_deflated(io.BytesIO(data))
    if start is None:
        return
    most = MOST if most is None else min(most, MOST)
    try:
        size = inflated_size(zlib.decompressobj(-zlib.MAX_WBITS), data[start:], most)
    except zlib.error:
        return  # Damaged: reading it will tell.
    if size > most:
        raise UserError(
            f"{name}: the deflated file is too large. Received: more than {most} bytes "
            "once inflated; expected a mammogram. Leave the file out."
        )


def inflated_size(inflater: Any, data: bytes, most: int) -> int:
    """Bytes that data inflate to, counted until they are more than `most`.

    Args:
        inflater: of `zlib.decompressobj`; it may have had data before these.
        data: what it gets.
        most: where counting may end.

    Raises:
        zlib.error: the data are damaged.
    """
    size = 0
    while data and not inflater.eof and size <= most:
        size += len(inflater.decompress(data, _STEP))
        data = inflater.unconsumed_tail
    return size


def refuse_bomb_in_file(path: Path) -> None:
    """`refuse_bomb` of a file; of a file that is not deflated it reads the start only.

    Raises:
        UserError: as `refuse_bomb`.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        if _start_of_deflated(file) is None:
            return
        file.seek(0)
        refuse_bomb(file.read(), str(path))


def _start_of_deflated(file: BinaryIO) -> int | None:
    """Where the deflated part begins, `None` in a file that is not deflated.

    The group length is not believed: pydicom does not, either.
    """
    file.seek(_MARK.start)
    if file.read(4) != b"DICM":
        return None
    try:
        meta = read_dataset(
            file,
            is_implicit_VR=False,
            is_little_endian=True,
            stop_when=lambda tag, vr, length: tag.group != 2,
        )
        syntax = meta.get("TransferSyntaxUID")
    except Exception:
        return None  # Damaged: reading it will tell.
    return file.tell() if syntax == DeflatedExplicitVRLittleEndian else None
