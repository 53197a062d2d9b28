"""One grey image as it was decoded, and the way from there to 8-bit grey."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

ALL = slice(None)


def _as_it_is(values: NDArray) -> NDArray[np.uint8]:
    return np.asarray(values, np.uint8)


@dataclasses.dataclass(frozen=True)
class GreyImage:
    """A decoded image whose display values are computed only where they are needed.

    A full mammogram has some ten million pixels, an ROI a few per cent of them; the
    way from stored values to grey levels is the same for each pixel.

    Attributes:
        stored: (H, W) of an integer dtype, as the file holds them.
        to_grey: maps stored values of any shape to uint8, dark to bright as the image
            is meant to be shown.
        spacing_mm: distance between rows and between columns in the breast, mm, or
            `None` where the file does not state it.
        spacing_from: what in the file states the spacing, such as `"PixelSpacing"`;
            `""` where nothing does.
        notes: sentences about the file that the user has to see: `subject: what was
            done`. The ROI and the record of a prediction carry them on.
        description: the DICOM attribute SeriesDescription, else `""`.
        digest: XXH3-128 of the file's bytes, hexadecimal (`xxh128sum` gives the same).
    """

    stored: NDArray
    to_grey: Callable[[NDArray], NDArray[np.uint8]] = _as_it_is
    spacing_mm: tuple[float, float] | None = None
    spacing_from: str = ""
    notes: tuple[str, ...] = ()
    description: str = ""
    digest: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, pixels."""
        height, width = self.stored.shape
        return height, width

    def grey(self, rows: slice = ALL, columns: slice = ALL) -> NDArray[np.uint8]:
        """Grey levels of a part of the image.

        Args:
            rows: which rows, all by default.
            columns: which columns.

        Returns:
            uint8 of the shape of that part.
        """
        return self.to_grey(self.stored[rows, columns])
