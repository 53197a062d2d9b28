"""A decoded grey image and its conversion to 8-bit grey."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

ALL = slice(None)


def check_grey(image: NDArray) -> None:
    """Raises `ValueError` unless an image is a non-empty uint8 array of two axes."""
    if image.ndim != 2 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError(
            "`image` must be a non-empty uint8 array of shape (height, width). "
            f"Received: shape={image.shape}, dtype={image.dtype}"
        )


def whole_pair(value: Any) -> tuple[int, int] | None:
    """Returns two whole numbers of at least 1, None if the value is something else."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        return None
    if not all(isinstance(count, Integral) and int(count) >= 1 for count in value):
        return None
    return int(value[0]), int(value[1])


def _as_it_is(values: NDArray) -> NDArray[np.uint8]:
    return np.asarray(values, np.uint8)


@dataclasses.dataclass(frozen=True)
class GreyImage:
    """A decoded image whose grey levels are computed only where needed.

    A mammogram has about ten million pixels, an ROI a few per cent of them.

    Attributes:
        stored: stored values, (H, W), integers.
        to_grey: function from stored values of any shape to uint8, dark to bright as
            displayed.
        spacing_mm: distance of rows and of columns in the breast, mm; None if the file
            has none.
        spacing_from: element of the file with the spacing, such as `"PixelSpacing"`;
            `""` if there is none.
        notes: messages for the user: `subject: what was done`. They are copied to ROIs
            and records of predictions.
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
        """Returns grey levels of a part of the image.

        Args:
            rows: rows, by default all.
            columns: columns, by default all.

        Returns:
            uint8 of the shape of that part.
        """
        return self.to_grey(self.stored[rows, columns])
