"""Refuses deflated DICOM files that would exhaust the memory.

pydicom inflates such a file before it reads an attribute, and a few megabytes can
inflate to many gigabytes.
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
"""Largest size of an inflated file, bytes; mammograms have up to 80 million."""

_STEP = 2**24
_MARK = slice(128, 132)


def refuse_bomb(data: bytes, name: str, most: int | None = None) -> None:
    """Refuses a deflated file that is larger than any mammogram.

    Args:
        data: the bytes of a DICOM file of any transfer syntax.
        name: the file, for messages.
        most: largest allowed size, bytes, at most `MOST`.

    Raises:
        UserError: it is larger. The check needs about 16 MB at most.
    """
    start = _start_of_deflated(io.BytesIO(data))
    if start is None:
        return
    most = MOST if most is None else min(most, MOST)
    try:
        size = inflated_size(zlib.decompressobj(-zlib.MAX_WBITS), data[start:], most)
    except zlib.error:
        return  # Damaged: decoding reports it.
    if size > most:
        raise UserError(
            f"{name}: the deflated file is too large. Received: more than {most} bytes "
            "once inflated; expected a mammogram. Leave the file out."
        )


def inflated_size(inflater: Any, data: bytes, most: int) -> int:
    """Counts the bytes that data inflate to, until they exceed `most`.

    Args:
        inflater: a `zlib.decompressobj`, which may have had data before.
        data: the next data.
        most: count at which to stop.

    Raises:
        zlib.error: the data are damaged.
    """
    size = 0
    while data and not inflater.eof and size <= most:
        size += len(inflater.decompress(data, _STEP))
        data = inflater.unconsumed_tail
    return size


def refuse_bomb_in_file(path: Path) -> None:
    """Applies `refuse_bomb` to a file, of which only the start is read if not deflated.

    Raises:
        UserError: see `refuse_bomb`.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        if _start_of_deflated(file) is None:
            return
        file.seek(0)
        refuse_bomb(file.read(), str(path))


def _start_of_deflated(file: BinaryIO) -> int | None:
    """Returns the start of the deflated part, None in a file that is not deflated.

    The group length is ignored, as in pydicom.
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
        return None  # Damaged: decoding reports it.
    return file.tell() if syntax == DeflatedExplicitVRLittleEndian else None
