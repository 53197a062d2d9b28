"""Converting arrays to 8-bit grey ROIs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_wa.data.io.resize import LEAST_SIDE, resize
from keras_wa.data.io.scaling import scale_to_uint8

Pixels = NDArray[np.uint8]

_EXPECTED = (
    "expected grey images as uint8, uint16, or floats in [0, 1], each (height, width), "
    "(height, width, 1), or RGB that is grey"
)


def grey_batch(images: Sequence[ArrayLike] | NDArray[Any], side: int) -> Pixels:
    """Converts images to grey ROIs of one size, uint8 `(n, side, side)`.

    uint8 is not scaled; uint16, 0 to 65535, and floats in [0, 1] are, to 0 to 255.

    Raises:
        ValueError: an image has another type, shape or range; the message has its
            index.
    """
    if isinstance(images, np.ndarray) and images.ndim not in (3, 4):
        raise ValueError(
            f"images: received an array of shape {images.shape}; expected a batch, "
            "(n, height, width) or (n, height, width, channels), or a list of images."
        )
    if not len(images):
        raise ValueError("images: received none; expected at least one.")
    return np.stack(
        [
            resize(_grey(np.asarray(image), f"images[{index}]"), (side, side))
            for index, image in enumerate(images)
        ]
    )


def _grey(image: NDArray[Any], name: str) -> Pixels:
    if image.ndim == 3 and image.shape[-1] == 3:
        if (image != image[..., :1]).any():
            raise ValueError(f"{name}: received a colour image; {_EXPECTED}.")
        image = image[..., 0]
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    if image.ndim != 2:
        raise ValueError(f"{name}: received shape {image.shape}; {_EXPECTED}.")
    if min(image.shape) < LEAST_SIDE:
        raise ValueError(
            f"{name}: received {image.shape[0]} by {image.shape[1]} pixels; expected "
            f"at least {LEAST_SIDE} a side."
        )
    if image.dtype == np.uint8:
        return np.ascontiguousarray(image)
    if image.dtype == np.uint16:
        return scale_to_uint8(image, 0, 65535)
    if not np.issubdtype(image.dtype, np.floating):
        raise ValueError(f"{name}: received dtype {image.dtype}; {_EXPECTED}.")
    # NaN fails both comparisons.
    if not ((image >= 0) & (image <= 1)).all():
        raise ValueError(
            f"{name}: received floats from {np.min(image):g} to {np.max(image):g}; "
            f"{_EXPECTED}."
        )
    return scale_to_uint8(image, 0.0, 1.0)
