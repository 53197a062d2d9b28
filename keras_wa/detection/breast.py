"""Segmentation of the breast on a mammogram."""

from __future__ import annotations

import cv2
import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from keras_wa.errors import UserError

# Longer side of the small copy that is segmented, pixels.
_SIDE = 512
# Standard deviation of the smoothing, pixels of the copy: about 1 mm of a film.
_SMOOTH = 2.5
# Side of the opening, pixels of the copy. It separates labels and the film's edge from
# the breast.
_NECK = 13


def breast_mask(image: NDArray) -> NDArray[np.bool_]:
    """Segments the breast from air, labels and markers.

    The image is downsampled, smoothed and split at Otsu's threshold of the cube roots
    of its grey levels; after an opening, the largest connected region with its holes
    filled is the breast. The root keeps the skin: on grey levels the threshold would
    cut off the fat of a dense breast, on square roots still up to 1 cm.

    Args:
        image: (H, W), dark air and bright tissue, integers or finite floats in any
            unit.

    Returns:
        bool (H, W), true in the breast; all false for an image of one grey level.

    Raises:
        UserError: the image does not have two axes, or has a side below 8 pixels or a
            value that is not finite.

    Source:
        Otsu 1979, doi:10.1109/TSMC.1979.4310076.
    """
    check_image(image)
    height, width = image.shape
    scale = min(1.0, _SIDE / max(height, width))
    size = max(8, round(width * scale)), max(8, round(height * scale))
    # OpenCV accepts these; a copy in float32 would be four times as large.
    as_it_is = image.dtype in (np.uint8, np.uint16, np.float32)
    values = image if as_it_is else np.asarray(image, np.float32)
    small = cv2.resize(values, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    low, high = float(small.min()), float(small.max())
    if high <= low:
        return np.zeros(image.shape, bool)
    root = np.cbrt((small - low) / (high - low))
    root = cv2.GaussianBlur(root, (0, 0), _SMOOTH, borderType=cv2.BORDER_REPLICATE)
    grey = np.rint(255 * root).astype(np.uint8)
    _, bright = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_NECK, _NECK))
    opened = cv2.morphologyEx(bright, cv2.MORPH_OPEN, kernel)
    region = scipy.ndimage.binary_fill_holes(_largest(opened)).astype(np.uint8)
    full = cv2.resize(region, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(full > 0)


def check_image(image: NDArray) -> None:
    """Raises `UserError` unless an array is a grey image of at least 8x8 pixels."""
    if image.ndim != 2 or min(image.shape) < 8:
        raise UserError(
            f"A mammogram is one grey image. Received: shape={image.shape}; expected "
            "(H, W), at least 8 by 8 pixels."
        )
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise UserError(
            "A mammogram's grey levels are numbers. Received: NaN or infinity; "
            "expected finite values."
        )


def _largest(regions: NDArray) -> NDArray[np.bool_]:
    """Returns the largest connected region of ones; empty if there is none."""
    count, labels, facts, _ = cv2.connectedComponentsWithStats(regions)
    if count < 2:
        return np.zeros(regions.shape, bool)
    largest = 1 + int(np.argmax(facts[1:, cv2.CC_STAT_AREA]))
    return np.asarray(labels == largest)
