"""RLE Lossless of DICOM, written fast (PS3.5, annex G)."""

from __future__ import annotations

import struct

import imagecodecs
import numpy as np
from numpy.typing import NDArray


def rle_frame(pixels: NDArray) -> bytes:
    """Encodes an image; pydicom's and pylibjpeg's encoders take many times as long.

    Args:
        pixels: (H, W) uint8 or uint16.

    Returns:
        The RLE frame: the header and one segment a byte of the pixel, the most
        significant first.
    """
    depth = pixels.dtype.itemsize
    segments = [
        _segment((pixels >> (8 * shift)).astype(np.uint8))
        for shift in reversed(range(depth))
    ]
    starts = 64 + np.cumsum([0] + [len(segment) for segment in segments[:-1]])
    offsets = [*starts.tolist(), *[0] * (15 - depth)]
    return struct.pack("<16I", depth, *offsets) + b"".join(segments)


def _segment(plane: NDArray[np.uint8]) -> bytes:
    """One byte plane: PackBits row by row, of even length."""
    segment = bytes(imagecodecs.packbits_encode(plane, axis=-1))
    return segment + b"\0" * (len(segment) % 2)
