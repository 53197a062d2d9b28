"""Resizes one 8-bit image: area averages to shrink, linear interpolation to grow."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from keras_wa.data.io.image import check_grey, whole_pair
from keras_wa.errors import UserError

LEAST_SIDE = 32
"""Smallest side of an image that is an ROI as a whole, pixels."""


def resize(
    image: npt.NDArray[np.uint8], size: tuple[int, int]
) -> npt.NDArray[np.uint8]:
    """Resizes an image without aliasing.

    The axes that shrink come first: a new pixel is the mean of the area that it covers
    (`cv2.INTER_AREA`). Then the axes that grow: linear interpolation between
    half-pixel centres, the border repeated (`cv2.INTER_LINEAR_EXACT`, which is
    unbiased and gives the same bytes on every platform; `cv2.INTER_LINEAR` is on
    average 0.13 grey levels too dark on 8-bit images). Each step rounds to whole grey
    levels. An axis of equal size does not change. `keras_wa.layers.Resize2D` gives the
    same pixels in a model.

    Args:
        image: grey levels, uint8 of shape `(height, width)`.
        size: the new `(height, width)` in pixels.

    Returns:
        The resized image, uint8 of shape `size`; never a view of `image`.

    Raises:
        UserError: `size` is not two whole numbers of at least 1.
        ValueError: `image` is not a non-empty uint8 array of two axes.
    """
    shape = whole_pair(size)
    if shape is None:
        raise UserError(
            "`size` of an image must be two whole numbers of at least 1, height and "
            f"width in pixels. Received: {size!r}; (224, 224) is the default."
        )
    check_grey(image)
    height, width = shape
    smaller = (min(width, image.shape[1]), min(height, image.shape[0]))
    # OpenCV copies if the size does not change, so that no step needs a condition.
    shrunk = cv2.resize(
        np.ascontiguousarray(image), smaller, interpolation=cv2.INTER_AREA
    )
    grown = cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_LINEAR_EXACT)
    return np.array(grown, dtype=np.uint8)
