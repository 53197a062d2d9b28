"""Reads the size of a compressed frame from its header, before decoding.

Decoders allocate the size in the frame, which is first compared with the attributes of
the file.
"""

from __future__ import annotations

import struct

_SOI, _SOC, _END = b"\xff\xd8", b"\xff\x4f\xff\x51", b"\xff\xd9"
# Start of frame of what DICOM has: baseline, extended and lossless JPEG (ITU-T T.81,
# table B.1) and JPEG-LS (T.87, C.2.2). A progressive one could hold scans without end.
_START_OF_FRAME = frozenset({0xC0, 0xC1, 0xC3, 0xF7})
_OTHER_FRAMES = frozenset(range(0xC0, 0xD0)) - _START_OF_FRAME - {0xC4, 0xC8, 0xCC}
# Some writers put a whole JP2 file into the frame, with boxes before its codestream.
_BOXES = 4096
_NO_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


def frame_size(frame: bytes) -> tuple[int, int, int, int] | None:
    """Reads height, width, components and precision of a compressed frame.

    Args:
        frame: a JPEG, JPEG-LS or JPEG 2000 codestream, from its first marker on.

    Returns:
        Rows, columns, components and bits per sample, or None if there is no header.
    """
    if frame.startswith(_SOI):
        return _jpeg(frame)
    start = frame[:_BOXES].find(_SOC)
    return None if start < 0 else _jpeg_2000(frame[start : start + 43])


def is_whole(frame: bytes) -> bool:
    """Returns whether a JPEG, JPEG-LS or JPEG 2000 frame has its end marker.

    Decoders silently fill the missing part of a truncated frame with grey.

    Args:
        frame: the codestream; trailing zeros are ignored.
    """
    return frame[-1024:].rstrip(b"\0").endswith(_END)


def _jpeg_2000(frame: bytes) -> tuple[int, int, int, int] | None:
    """Reads the SIZ segment (ISO/IEC 15444-1, A.5.1)."""
    if len(frame) < 43:
        return None
    x1, y1, x0, y0 = struct.unpack_from(">4I", frame, 8)
    components, precision = struct.unpack_from(">HB", frame, 40)
    # The highest bit is set for signed samples.
    return y1 - y0, x1 - x0, components, (precision & 0x7F) + 1


def _jpeg(frame: bytes) -> tuple[int, int, int, int] | None:
    """Reads the first start of frame."""
    place = 2
    while place + 4 <= len(frame):
        if frame[place] != 0xFF:
            return None
        marker = frame[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        if marker in _NO_LENGTH:
            place += 2
            continue
        if marker in _START_OF_FRAME:
            if place + 10 > len(frame):
                return None
            bits, rows, columns, components = struct.unpack_from(
                ">BHHB", frame, place + 4
            )
            return rows, columns, components, bits
        (length,) = struct.unpack_from(">H", frame, place + 2)
        if length < 2 or marker in _OTHER_FRAMES:
            return None
        place += 2 + length
    return None
