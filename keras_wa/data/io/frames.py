"""Decodes compressed frames of a DICOM file to stored values (PS3.5, A.4 and G).

imagecodecs wraps the decoders that browsers and the JPEG committee use (libjpeg-turbo,
CharLS, OpenJPEG). GDCM and pylibjpeg crash or print on damaged frames, see
`benchmarks/fuzz_dicom.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import uid

from keras_wa.data.io.codestream import frame_size, is_whole

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


def decode_frame(
    frame: bytes, syntax: str, shape: tuple[int, int], allocated: int
) -> tuple[NDArray, int | None]:
    """Decodes the frame of a grey image.

    Args:
        frame: the compressed frame.
        syntax: its transfer syntax: RLE Lossless, or one of `DECODERS`.
        shape: rows and columns in the file's header.
        allocated: bits allocated per pixel in the header, 8 or 16.

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
