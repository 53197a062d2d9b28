"""Which of two files is the crop and which the mask, decided from the files.

CBIS-DDSM's case lists name the one in the other's place in a part of the rows.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from keras_wa.data.io.file_kinds import read_header as read_attributes
from keras_wa.data.io.header import DicomHeader

FIELDS = ("SeriesDescription", "Rows", "Columns", "BitsAllocated")
"""The DICOM attributes that tell the parts apart."""

CROP_DESCRIPTION = "cropped images"
MASK_DESCRIPTION = "roi mask images"
"""What SeriesDescription says of the parts, in lower case."""

# Of a mask that went through lossy JPEG: how far from 0 or 255 its pixels may be, and
# how many of them.
_NOISE = 32
_NEARLY_ALL = 0.99
_SAMPLES = 32  # Rows and columns that a first look at an image takes.


@dataclasses.dataclass(frozen=True)
class Header:
    """What a file says of itself without its pixels.

    Attributes:
        description: SeriesDescription in lower case, `""` if there is none.
        pixels: Rows times Columns, 0 if not stated.
        bits: BitsAllocated, 0 if not stated.
    """

    description: str = ""
    pixels: int = 0
    bits: int = 0

    @classmethod
    def of(
        cls, description: object, rows: object, columns: object, bits: object
    ) -> Header:
        """A header from the four `FIELDS`, of any type; what is no number counts 0."""
        text = description.strip().lower() if isinstance(description, str) else ""
        return cls(text, _number(rows) * _number(columns), _number(bits))


def read_header(path: Path) -> Header:
    """Reads the header of a DICOM file.

    Args:
        path: the file.

    Returns:
        The header; an empty one if the file is no DICOM file or cannot be read, which
        decoding it will tell.
    """
    try:
        found = DicomHeader(read_attributes(path, FIELDS))
        return Header.of(*map(found.shown, FIELDS))
    except Exception:
        # pydicom can raise any exception for a damaged file.
        return Header()


def described_part(header: Header) -> str | None:
    """`"crop"` or `"mask"` as the description has it, `None` if it has neither."""
    return {CROP_DESCRIPTION: "crop", MASK_DESCRIPTION: "mask"}.get(header.description)


def part_of(header: Header) -> str | None:
    """What a file is by its header: `"crop"`, `"mask"`, or `None` if that is open.

    The description says it, and so do the bits, of which a mask has 8 and a crop 16;
    where the two disagree it is open.
    """
    found = {described_part(header), {8: "mask", 16: "crop"}.get(header.bits)} - {None}
    return found.pop() if len(found) == 1 else None


def are_swapped(crop: Header, mask: Header) -> bool | None:
    """Whether crop and mask are swapped, by their headers.

    Args:
        crop: of the file that should be the crop.
        mask: of the file that should be the mask.

    Returns:
        True if they are swapped, false if they are not, `None` if the headers do not
        tell. The descriptions decide where they differ; else the bits, of which a mask
        has 8 and a crop 16; else the size, since a mask is as large as the mammogram.
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
    """Gives a mask that went through lossy JPEG its two values back.

    Args:
        pixels: (H, W) uint8 of a JPEG file.

    Returns:
        0 and 255, parted at half, if nearly all pixels lie within the noise of one of
        the two; else the same pixels, which are no mask.
    """
    ends = (pixels <= _NOISE) | (pixels >= 255 - _NOISE)
    if np.count_nonzero(ends) < _NEARLY_ALL * pixels.size:
        return pixels
    return np.where(pixels < 128, np.uint8(0), np.uint8(255))


def shows_many_values(pixels: NDArray) -> bool:
    """Whether a look at a thousandth of an image shows that it is no mask.

    Args:
        pixels: (H, W) of any integer dtype.
    """
    rows, columns = (max(1, count // _SAMPLES) for count in pixels.shape)
    return len(np.unique(pixels[::rows, ::columns])) > 2


def has_two_values(pixels: NDArray) -> bool:
    """Whether an image has exactly two values, as a mask has.

    Args:
        pixels: (H, W) of any integer dtype.
    """
    if shows_many_values(pixels):
        return False
    low, high = pixels.min(), pixels.max()
    return bool(low != high and np.all((pixels == low) | (pixels == high)))


def _number(value: object) -> int:
    try:
        return max(int(float(str(value))), 0)
    except (ValueError, OverflowError):
        return 0
