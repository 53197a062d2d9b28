"""Contrast-limited adaptive histogram equalisation (CLAHE) of one 8-bit image."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from keras_wa.data.io.image import check_grey, whole_pair
from keras_wa.errors import UserError


def clahe(
    image: npt.NDArray[np.uint8],
    clip_limit: float = 2.0,
    tiles: tuple[int, int] = (8, 8),
) -> npt.NDArray[np.uint8]:
    """Applies contrast-limited adaptive histogram equalisation, by OpenCV.

    `keras_wa.layers.CLAHE` gives the same pixels in a model. Thread-safe.

    Args:
        image: grey levels, uint8 of shape `(height, width)`.
        clip_limit: largest count of a histogram bin, as a multiple of the mean count; 0
            means no limit.
        tiles: number of tiles as `(rows, columns)`.

    Returns:
        The equalised grey levels, uint8 of shape `(height, width)`.

    Raises:
        UserError: `clip_limit` or `tiles` is out of range.
        ValueError: `image` is not a non-empty uint8 array of two axes.

    Source:
        Zuiderveld 1994, "Contrast Limited Adaptive Histogram Equalization", Graphics
        Gems IV; the algorithm of `cv2.createCLAHE`.
    """
    if (
        not isinstance(clip_limit, int | float)
        or not math.isfinite(clip_limit)
        or clip_limit < 0
    ):
        raise UserError(
            "`clip_limit` of CLAHE must be a number of at least 0 (0 means no limit). "
            f"Received: {clip_limit!r}; 2.0 is the default."
        )
    grid = whole_pair(tiles)
    if grid is None:
        raise UserError(
            "`tiles` of CLAHE must be two whole numbers of at least 1, rows and "
            f"columns. Received: {tiles!r}; (8, 8) is the default."
        )
    check_grey(image)
    # A CLAHE object keeps buffers, so that threads cannot share it. Creating one takes
    # less than a microsecond.
    equaliser = cv2.createCLAHE(clipLimit=float(clip_limit), tileGridSize=grid[::-1])
    equalised = equaliser.apply(np.ascontiguousarray(image))
    return np.asarray(equalised, dtype=np.uint8)
