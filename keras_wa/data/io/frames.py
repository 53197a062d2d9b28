"""Decodes compressed frames of a DICOM file to stored values (PS3.5, A.4 and G).

imagecodecs wraps the decoders that browsers and the JPEG committee use (libjpeg-turbo,
CharLS, OpenJPEG). GDCM and pylibjpeg crash or print on damaged frames, see
`benchmarks/fuzz_dicom.py`. They allocate the size in the frame, which is first compared
with the attributes of the file; pydicom has no function for the size of all of them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import uid

_JPEG = (
    uid.JPEGBaseline8Bit,
    uid.JPEGExtended12Bit,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
)
DECODERS: dict[str, Callable[[bytes], NDArray]] = {
    **dict.fromkeys(_JPEG, imagecodecs.jpeg8_decode),
    **dict.fromkeys(uid.JPEGLSTransferSyntaxes, imagecodecs.jpegls_decode),
    uid.JPEG2000Lossless: imagecodecs.jpeg2k_decode,
    uid.JPEG2000: imagecodecs.jpeg2k_decode,
}
"""Transfer syntax -> decoder of its frames, without RLE."""

_RLE_SEGMENTS = 15

_SOI, _SOC, _END = b"\xff\xd8", b"\xff\x4f\xff\x51", b"\xff\xd9"
# Start of frame of what DICOM has: baseline, extended and lossless JPEG (ITU-T T.81,
# table B.1) and JPEG-LS (T.87, C.2.2). A progressive one could hold scans without end.
_START_OF_FRAME = frozenset({0xC0, 0xC1, 0xC3, 0xF7})
_OTHER_FRAMES = frozenset(range(0xC0, 0xD0)) - _START_OF_FRAME - {0xC4, 0xC8, 0xCC}
# Some writers put a whole JP2 file into the frame, with boxes before its codestream.
_BOXES = 4096
_NO_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


def decode_frame(
    frame: bytes, syntax: str, shape: tuple[int, int], allocated: int
) -> tuple[NDArray, int | None]:
    """Decodes the frame of a grey image.

    Args:
        syntax: its transfer syntax: RLE Lossless, or one of `DECODERS`.
        shape, allocated: rows and columns, and bits allocated, in the file's header.

    Returns:
        The pixels, (H, W) uint8 or uint16; and the number of significant bits, None for
        the bits stored in the header. JPEG-LS and JPEG 2000 code only these.

    Raises:
        ValueError: the frame is damaged or has another shape or depth.
    """
    if syntax == uid.RLELossless:
        return _decode_rle(frame, shape, allocated // 8), None
    found = frame_size(frame)
    if found is None or found[:3] != (*shape, 1):
        size = "no header" if found is None else "{} by {} by {}".format(*found)
        raise ValueError(
            f"the frame has {size}, not {shape[0]} by {shape[1]} by 1 (rows, columns, "
            "components)"
        )
    if not is_whole(frame):
        raise ValueError("the frame is cut off: it has no end mark")
    try:
        values = DECODERS[syntax](frame)
    except Exception as error:
        raise ValueError(str(error)) from error
    if values.shape != shape or values.dtype.itemsize * 8 > allocated:
        raise ValueError(
            f"the frame holds {values.dtype} {values.shape}, not {allocated} bits "
            f"{shape}"
        )
    values = values.astype(f"u{values.dtype.itemsize}", copy=False)
    return values, None if syntax in _JPEG else min(found[3], allocated)


def _decode_rle(frame: bytes, shape: tuple[int, int], planes: int) -> NDArray:
    """Undoes PackBits in each byte plane, the highest first (PS3.5, G.3 to G.5)."""
    size = shape[0] * shape[1]
    header = np.frombuffer(frame[:64], "<u4")
    if len(header) < _RLE_SEGMENTS + 1 or header[0] != planes:
        raise ValueError(
            f"the RLE header names {header[0] if len(header) else 'no'} segments, not "
            f"{planes}"
        )
    ends = [*header[2 : planes + 1], len(frame)]
    values = np.empty((size, planes), np.uint8)
    room = memoryview(bytearray(size + 1))
    for plane, (start, end) in enumerate(
        zip(header[1 : planes + 1], ends, strict=True)
    ):
        if not 64 <= start < end <= len(frame):
            raise ValueError("the RLE header points beyond the frame")
        try:
            # A segment of odd length is padded with a byte.
            segment = imagecodecs.packbits_decode(frame[start:end], out=room)
        except Exception as error:
            raise ValueError(f"a damaged RLE segment: {error}") from error
        if len(segment) < size:
            raise ValueError(f"an RLE segment holds {len(segment)} of {size} bytes")
        # Little endian: the highest byte is the last.
        values[:, planes - 1 - plane] = np.frombuffer(segment, np.uint8, size)
    return values.view(f"<u{planes}").reshape(shape)


def frame_size(frame: bytes) -> tuple[int, int, int, int] | None:
    """Reads the header of a JPEG, JPEG-LS or JPEG 2000 codestream.

    Returns rows, columns, components and bits per sample, None without a header.
    """
    if frame.startswith(_SOI):
        return _jpeg_size(frame)
    # The SIZ segment (ISO/IEC 15444-1, A.5.1).
    start = frame[:_BOXES].find(_SOC)
    if start < 0 or len(frame) < start + 43:
        return None
    x1, y1, x0, y0 = struct.unpack_from(">4I", frame, start + 8)
    components, precision = struct.unpack_from(">HB", frame, start + 40)
    # The highest bit is set for signed samples.
    return y1 - y0, x1 - x0, components, (precision & 0x7F) + 1


def is_whole(frame: bytes) -> bool:
    """Returns whether a JPEG, JPEG-LS or JPEG 2000 frame has its end marker.

    Decoders silently fill the missing part of a truncated frame with grey.
    """
    return frame[-1024:].rstrip(b"\0").endswith(_END)


def _jpeg_size(frame: bytes) -> tuple[int, int, int, int] | None:
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
