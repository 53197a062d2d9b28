"""The layout of the pixel data of a DICOM file."""

from __future__ import annotations

import dataclasses

from keras_wa.data.io.header import DicomHeader, HeaderError


@dataclasses.dataclass(frozen=True)
class PixelLayout:
    """Size and depth of the pixels: the lowest `stored` of `allocated` bits."""

    rows: int
    columns: int
    allocated: int
    stored: int
    signed: bool

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.columns

    @property
    def size(self) -> int:
        """Size of the uncompressed pixels, bytes."""
        return self.rows * self.columns * self.allocated // 8

    @property
    def least(self) -> int:
        """The smallest possible stored value."""
        return -(2 ** (self.stored - 1)) if self.signed else 0


def read_layout(header: DicomHeader, most_pixels: int) -> PixelLayout:
    """Reads the layout, before memory is allocated for the pixels.

    Raises:
        HeaderError: an element is missing, not an integer, or out of range.
    """
    rows, columns = header.needed("Rows"), header.needed("Columns")
    if not (rows > 0 and columns > 0 and rows * columns <= most_pixels):
        raise HeaderError(
            f"Rows (0028,0010) and Columns (0028,0011). Received: {rows} by {columns}; "
            f"expected at least 1 by 1 and at most {most_pixels} pixels. The file is "
            "damaged: copy it again."
        )
    allocated, stored = header.needed("BitsAllocated"), header.needed("BitsStored")
    high = header.needed("HighBit", stored - 1)
    if allocated not in (8, 16) or not 0 < stored <= allocated or high != stored - 1:
        raise HeaderError(
            "BitsAllocated (0028,0100), BitsStored (0028,0101) and HighBit "
            f"(0028,0102). Received: {allocated}, {stored} and {high}; expected 8 or "
            "16 allocated, as many stored at most, from bit 0 on."
        )
    signed = header.needed("PixelRepresentation", 0)
    if signed not in (0, 1):
        raise HeaderError(
            f"PixelRepresentation (0028,0103). Received: {signed}; expected 0 "
            "(unsigned) or 1 (two's complement). The file is damaged: copy it again."
        )
    return PixelLayout(rows, columns, allocated, stored, bool(signed))
