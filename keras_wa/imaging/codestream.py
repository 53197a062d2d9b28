"""What a compressed frame says of its own size, before it is decoded.

A decoder written in C allocates what the frame asks for. These few bytes tell whether
that is the image which the file's attributes announce.
"""

from __future__ import annotations

import struct

_SOI, _SOC = b"\xff\xd8", b"\xff\x4f\xff\x51"
# Start of frame: JPEG's kinds (ITU-T T.81, table B.1) and JPEG-LS's (T.87, C.2.2).
_START_OF_FRAME = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_NO_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


def frame_size(frame: bytes) -> tuple[int, int, int] | None:
    """Height, width and number of components of a JPEG, JPEG-LS or JPEG 2000 frame.

    Args:
        frame: the codestream, from its first marker on.

    Returns:
        Rows, columns and components, or `None` if no header with them is found.
    """
    if frame.startswith(_SOC):
        return _jpeg_2000(frame)
    if frame.startswith(_SOI):
        return _jpeg(frame)
    return None


def _jpeg_2000(frame: bytes) -> tuple[int, int, int] | None:
    """From the SIZ segment (ISO/IEC 15444-1, A.5.1)."""
    if len(frame) < 42:
        return None
    x1, y1, x0, y0 = struct.unpack_from(">4I", frame, 8)
    (components,) = struct.unpack_from(">H", frame, 40)
    return y1 - y0, x1 - x0, components


def _jpeg(frame: bytes) -> tuple[int, int, int] | None:
    """From the first start of frame."""
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
            rows, columns, components = struct.unpack_from(">HHB", frame, place + 5)
            return rows, columns, components
        (length,) = struct.unpack_from(">H", frame, place + 2)
        if length < 2:
            return None
        place += 2 + length
    return None
