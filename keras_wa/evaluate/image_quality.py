"""Image quality of an ROI before and after enhancement: contrast, visibility, SNR.

Alsajer & Philippovich 2025, table 1, gives these three numbers without definitions; the
definitions here are this package's. All lengths are in pixels of the network's input.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

MEASURES = ("local_contrast", "visibility", "snr")
"""The three rows of the paper's table 1."""

WINDOW = 16
"""Side of the square windows for local contrast and SNR, pixels."""
STEP = 8
"""Distance between neighbouring windows, down and across, pixels."""
SPOT = 15
"""Side of the opening that removes calcifications and keeps the tissue, pixels."""
RING = (2, 9)
"""Inner and outer distance of the ring around the bright pixels, pixels. The gap
excludes the blurred edges of the calcifications."""

DEFINITIONS = {
    "local_contrast": f"Michelson contrast (max - min) / (max + min) of the grey "
    f"levels in windows of {WINDOW} by {WINDOW} pixels, {STEP} apart; the mean over "
    "all windows. A black window has contrast 0.",
    "visibility": "contrast-to-noise ratio (mean of the bright pixels - mean of the "
    "ring) / standard deviation of the ring. The bright pixels are those inside the "
    f"lesion's mask whose white top-hat (opening of {SPOT} by {SPOT} pixels) exceeds "
    "Otsu's threshold of it, chosen before the enhancement and kept after it; the "
    f"ring is more than {RING[0]} and at most {RING[1]} pixels away from them.",
    "snr": f"mean / standard deviation of the grey levels in windows of {WINDOW} by "
    f"{WINDOW} pixels, {STEP} apart, that do not touch the lesion's mask (all windows "
    "of an ROI without one); the median over these windows, those of one grey level "
    "left out.",
}
"""The definition of each measure, for reports."""


def measure_pair(
    before: Pixels, after: Pixels, mask: Mask | None = None
) -> dict[str, float]:
    """Measures an ROI before and after an enhancement.

    Args:
        before: uint8 of shape `(height, width)`, at least `WINDOW` pixels each.
        after: the enhanced ROI, of the same shape.
        mask: bool of the same shape, true in the lesion; None if unknown.

    Returns:
        `<measure>_before` and `<measure>_after` for each of `MEASURES`, see
        `DEFINITIONS`; NaN where a measure is undefined.
    """
    if before.shape != after.shape or (mask is not None and mask.shape != before.shape):
        shapes = [before.shape, after.shape, None if mask is None else mask.shape]
        raise ValueError(f"The shapes must be equal. Received: {shapes}")
    # Chosen once: otherwise the choice of pixels would contribute to the change.
    bright = None if mask is None else bright_pixels(before, mask)
    values = {}
    for name, image in (("before", before), ("after", after)):
        values[f"local_contrast_{name}"] = local_contrast(image)
        values[f"visibility_{name}"] = (
            math.nan if bright is None else visibility(image, bright)
        )
        values[f"snr_{name}"] = signal_to_noise(image, mask)
    return values


def local_contrast(image: Pixels) -> float:
    """Computes the mean Michelson contrast of an image's windows, in [0, 1]."""
    windows = _windows(image).astype(np.int64)
    low, high = windows.min(axis=(1, 2)), windows.max(axis=(1, 2))
    # The lower bound of 1 gives a black window contrast 0.
    return float(np.mean((high - low) / np.maximum(high + low, 1)))


def bright_pixels(image: Pixels, mask: Mask) -> Mask:
    """Finds the calcifications inside a lesion's mask, before enhancement.

    Returns:
        Bool of the image's shape; all false if no pixel stands out.
    """
    above = scipy.ndimage.white_tophat(image, size=(SPOT, SPOT))
    inside = above[mask]
    if not inside.size or inside.min() == inside.max():
        return np.zeros_like(mask)
    threshold, _ = cv2.threshold(inside, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return mask & (above > threshold)


def visibility(image: Pixels, bright: Mask) -> float:
    """Computes the contrast-to-noise ratio of bright pixels and a ring around them.

    NaN if there are no bright pixels or the ring is uniform or empty.
    """
    if not bright.any():
        return math.nan
    distance = scipy.ndimage.distance_transform_edt(~bright)
    ring = image[(distance > RING[0]) & (distance <= RING[1])]
    if ring.size == 0 or ring.min() == ring.max():
        return math.nan
    return float((image[bright].mean() - ring.mean()) / ring.std())


def signal_to_noise(image: Pixels, mask: Mask | None = None) -> float:
    """Computes the signal-to-noise ratio of the background, the median of its windows.

    NaN if no window outside the mask has more than one grey level.
    """
    windows = _windows(image)
    if mask is not None:
        windows = windows[~_windows(mask).any(axis=(1, 2))]
    uneven = windows.min(axis=(1, 2)) < windows.max(axis=(1, 2))
    if not uneven.any():
        return math.nan
    windows = windows[uneven].astype(np.float64)
    return float(np.median(windows.mean(axis=(1, 2)) / windows.std(axis=(1, 2))))


def _windows(image: NDArray) -> NDArray:
    """Returns all windows inside the image, of shape `(n, WINDOW, WINDOW)`."""
    if image.ndim != 2 or image.dtype not in (np.uint8, np.bool_):
        raise ValueError(
            "An ROI must be uint8 of shape (height, width). "
            f"Received: {image.dtype} of shape {image.shape}"
        )
    if min(image.shape) < WINDOW:
        raise ValueError(
            f"An ROI must have {WINDOW} pixels per side. Received: shape {image.shape}"
        )
    views = np.lib.stride_tricks.sliding_window_view(image, (WINDOW, WINDOW))
    return views[::STEP, ::STEP].reshape(-1, WINDOW, WINDOW)
