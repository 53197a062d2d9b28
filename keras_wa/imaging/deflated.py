"""Deflated DICOM files that would fill the memory.

pydicom inflates the whole of such a file before it looks at a single attribute, and a
few megabytes of it may stand for many gigabytes.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from pydicom.uid import DeflatedExplicitVRLittleEndian

from keras_wa.errors import UserError

MOST = 2**29
"""The greatest size of an inflated file in bytes; mammograms have up to 80 million."""

_STEP = 2**24
# The file's meta information, in which the transfer syntax stands, is uncompressed.
_META = slice(132, 4096)


def refuse_bomb(data: bytes, name: str) -> None:
    """Refuses a deflated file that inflates to more than `MOST` bytes.

    Args:
        data: the bytes of a DICOM file of any transfer syntax.
        name: the file, for messages.

    Raises:
        UserError: if it does. It takes no more than some 16 MB to find out.
    """
    if DeflatedExplicitVRLittleEndian.encode() not in data[_META]:
        return
    # Group length (0002,0000): tag, VR and length, then how many bytes follow it.
    start = 144 + int.from_bytes(data[140:144], "little")
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    rest, size = data[start:], 0
    try:
        while rest and not inflater.eof and size <= MOST:
            size += len(inflater.decompress(rest, _STEP))
            rest = inflater.unconsumed_tail
    except zlib.error:
        return  # Damaged: reading it will tell.
    if size > MOST:
        raise UserError(
            f"{name}: the deflated file is too large. Received: more than {MOST} bytes "
            "once inflated; expected a mammogram. Leave the file out."
        )


def refuse_bomb_in_file(path: Path) -> None:
    """`refuse_bomb` of a file; of a file that is not deflated it reads the start only.

    Raises:
        UserError: as `refuse_bomb`.
        OSError: if the file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(_META.stop)
        if DeflatedExplicitVRLittleEndian.encode() in start[_META]:
            refuse_bomb(start + file.read(), str(path))
