"""Decides from two files which is the crop and which the mask.

In some rows of CBIS-DDSM's case lists they are swapped.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from keras_wa.data.io.file_kinds import read_header as read_attributes
from keras_wa.data.io.header import DicomHeader

FIELDS = ("SeriesDescription", "Rows", "Columns", "BitsAllocated")
"""The DICOM attributes that distinguish the parts."""

CROP_DESCRIPTION = "cropped images"
MASK_DESCRIPTION = "roi mask images"
"""SeriesDescription of the parts, in lower case."""

# Noise of a mask that was saved as lossy JPEG: the distance of its pixels from 0 or
# 255, and the share of these pixels.
_NOISE = 32
_NEARLY_ALL = 0.99
_SAMPLES = 32  # Rows and columns of the sample of an image that is tested first.


@dataclasses.dataclass(frozen=True)
class Header:
    """The attributes of a file that distinguish the parts.

    SeriesDescription in lower case, Rows times Columns, and BitsAllocated; `""` and 0
    if not stated.
    """

    description: str = ""
    pixels: int = 0
    bits: int = 0

    @classmethod
    def of(
        cls, description: object, rows: object, columns: object, bits: object
    ) -> Header:
        """Creates a header from the four `FIELDS`; values that are no numbers are 0."""
        text = description.strip().lower() if isinstance(description, str) else ""
        return cls(text, _number(rows) * _number(columns), _number(bits))


def read_header(path: Path) -> Header:
    """Reads the header of a DICOM file.

    It is empty if the file is not DICOM or cannot be read; decoding it later reports
    the error.
    """
    try:
        found = DicomHeader(read_attributes(path, FIELDS))
        return Header.of(*map(found.shown, FIELDS))
    except Exception:
        # pydicom can raise any exception for a damaged file.
        return Header()


def described_part(header: Header) -> str | None:
    """Returns `"crop"` or `"mask"` by the description, or None."""
    return {CROP_DESCRIPTION: "crop", MASK_DESCRIPTION: "mask"}.get(header.description)


def part_of(header: Header) -> str | None:
    """Returns `"crop"` or `"mask"` by a file's header, or None if undecided.

    The description and the bits (8 for a mask, 16 for a crop) are used; if they
    contradict each other, it is undecided.
    """
    found = {described_part(header), {8: "mask", 16: "crop"}.get(header.bits)} - {None}
    return found.pop() if len(found) == 1 else None


def are_swapped(crop: Header, mask: Header) -> bool | None:
    """Returns whether crop and mask are swapped, by their headers; None if undecided.

    The descriptions decide if they differ; else the bits (8 for a mask, 16 for a crop);
    else the size, since a mask is as large as the mammogram.
    """
    parts = described_part(crop), described_part(mask)
    if None not in parts and parts[0] != parts[1]:
        return parts[0] == "mask"
    if crop.bits and mask.bits and crop.bits != mask.bits:
        return crop.bits < mask.bits
    if crop.pixels and mask.pixels and crop.pixels != mask.pixels:
        return crop.pixels > mask.pixels
    return None


def without_jpeg_noise(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Restores the two values of a mask that was saved as lossy JPEG.

    If nearly all pixels are within the noise of 0 or 255, the threshold is halfway;
    else the image is not a mask and is unchanged.
    """
    ends = (pixels <= _NOISE) | (pixels >= 255 - _NOISE)
    if np.count_nonzero(ends) < _NEARLY_ALL * pixels.size:
        return pixels
    return np.where(pixels < 128, np.uint8(0), np.uint8(255))


def has_many_values(pixels: NDArray) -> bool:
    """Returns whether a sample of the pixels shows that an image is not a mask."""
    rows, columns = (max(1, count // _SAMPLES) for count in pixels.shape)
    return len(np.unique(pixels[::rows, ::columns])) > 2


def has_two_values(pixels: NDArray) -> bool:
    """Returns whether an image has exactly two values, like a mask."""
    if has_many_values(pixels):
        return False
    low, high = pixels.min(), pixels.max()
    return bool(low != high and np.all((pixels == low) | (pixels == high)))


def _number(value: object) -> int:
    try:
        return max(int(float(str(value))), 0)
    except (ValueError, OverflowError):
        return 0
