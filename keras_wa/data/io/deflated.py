"""Refuses deflated DICOM files that would exhaust the memory.

pydicom inflates such a file before it reads an attribute, and a few megabytes can
inflate to many gigabytes.
"""

from __future__ import annotations

import zlib
from typing import Any, BinaryIO

from pydicom.filereader import read_dataset, read_preamble
from pydicom.uid import DeflatedExplicitVRLittleEndian

from keras_wa.errors import UserError

MOST = 2**29
"""Largest size of an inflated file, bytes; mammograms have up to 80 million."""

_STEP = 2**24


def refuse_bomb(file: BinaryIO, name: str, most: int | None = None) -> None:
    """Refuses a deflated file that is larger than `most` bytes once inflated.

    Of a file that is not deflated, only the start is read. The check needs about 16 MB
    besides the file, which is rewound.
    """
    most = MOST if most is None else min(most, MOST)
    if _skip_meta(file) == DeflatedExplicitVRLittleEndian:
        try:
            inflater = zlib.decompressobj(-zlib.MAX_WBITS)
            size = inflated_size(inflater, file.read(), most)
        except zlib.error:
            size = 0  # Damaged: decoding reports it.
        if size > most:
            raise UserError(
                f"{name}: the deflated file is too large. Received: more than {most} "
                "bytes once inflated; expected a mammogram. Leave the file out."
            )
    file.seek(0)


def inflated_size(inflater: Any, data: bytes, most: int) -> int:
    """Counts the bytes that further data inflate to, until they exceed `most`."""
    size = 0
    while data and not inflater.eof and size <= most:
        size += len(inflater.decompress(data, _STEP))
        data = inflater.unconsumed_tail
    return size


def _skip_meta(file: BinaryIO) -> object:
    """Moves to the data set and returns the transfer syntax, None if there is none.

    The group length is ignored, as in pydicom.
    """
    file.seek(0)
    try:
        read_preamble(file, force=True)
        meta = read_dataset(
            file,
            is_implicit_VR=False,
            is_little_endian=True,
            stop_when=lambda tag, vr, length: tag.group != 2,
        )
        return meta.get("TransferSyntaxUID")
    except Exception:
        return None  # Damaged: decoding reports it.
