"""What an enhancement does to an ROI: local contrast, visibility, signal to noise.

Alsajer & Philippovich 2025, table 1, gives three such numbers without a definition.
Those here are definitions of this package. All lengths are in pixels of the ROI as the
network sees it.
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
"""Side of the square windows in which local contrast and SNR are measured, pixels."""
STEP = 8
"""From one window to the next, down and across, pixels."""
SPOT = 15
"""Side of the opening that takes calcifications away and leaves the tissue, pixels."""
RING = (2, 9)
"""How far the ring around the bright pixels begins and ends, pixels. The gap keeps the
blurred edges of the calcifications out of it."""

DEFINITIONS = {
    "local_contrast": f"Michelson contrast (max - min) / (max + min) of the grey "
    f"levels in windows of {WINDOW} by {WINDOW} pixels, {STEP} apart; the mean over "
    "all windows. A black window has contrast 0.",
    "visibility": "contrast-to-noise ratio (mean of the bright pixels - mean of the "
    "ring) / standard deviation of the ring. The bright pixels are those inside the "
    f"lesion's mask whose white top-hat (opening of {SPOT} by {SPOT} pixels) exceeds "
    "Otsu's threshold of it, chosen before the enhancement and kept after it; the "
    f"ring is what lies more than {RING[0]} and at most {RING[1]} pixels from them.",
    "snr": f"mean / standard deviation of the grey levels in windows of {WINDOW} by "
    f"{WINDOW} pixels, {STEP} apart, that do not touch the lesion's mask (all windows "
    "of an ROI without one); the median over these windows, those of one grey level "
    "left out.",
}
"""The definitions in words, for reports."""


def measure_pair(
    before: Pixels, after: Pixels, mask: Mask | None = None
) -> dict[str, float]:
    """Measures an ROI before and after an enhancement.

    Args:
        before: uint8 `(height, width)`, at least `WINDOW` pixels each.
        after: the same ROI enhanced.
        mask: bool of the same shape, true in the lesion; `None` if nobody knows.

    Returns:
        `<measure>_before` and `<measure>_after` for each of `MEASURES`; NaN where a
        measure is undefined.

    Raises:
        ValueError: if the shapes differ or an image is no uint8 image.
    """
    if before.shape != after.shape or (mask is not None and mask.shape != before.shape):
        shapes = [before.shape, after.shape, None if mask is None else mask.shape]
        raise ValueError(f"The shapes must be equal. Received: {shapes}")
    # The same pixels before and after, or the change would be one of the choice.
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
    """Mean Michelson contrast of an image's windows.

    Args:
        image: uint8 `(height, width)`, at least `WINDOW` pixels each.

    Returns:
        In [0, 1]; see `DEFINITIONS`.

    Raises:
        ValueError: if the image is smaller or not uint8.
    """
    windows = _windows(image).astype(np.int64)
    low, high = windows.min(axis=(1, 2)), windows.max(axis=(1, 2))
    # A black window divides 0 by 1.
    return float(np.mean((high - low) / np.maximum(high + low, 1)))


def bright_pixels(image: Pixels, mask: Mask) -> Mask:
    """The pixels of the calcifications in the outline of a lesion.

    Args:
        image: uint8 `(height, width)`, before any enhancement.
        mask: bool of its shape, true in the lesion, as a reader outlines it.

    Returns:
        bool of its shape; see `DEFINITIONS`. Empty if nothing stands out.
    """
    above = scipy.ndimage.white_tophat(image, size=(SPOT, SPOT))
    inside = above[mask]
    if not inside.size or inside.min() == inside.max():
        return np.zeros_like(mask)
    threshold, _ = cv2.threshold(inside, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return mask & (above > threshold)


def visibility(image: Pixels, bright: Mask) -> float:
    """Contrast-to-noise ratio of bright pixels against a ring around them.

    Args:
        image: uint8 `(height, width)`.
        bright: bool of its shape, from `bright_pixels`.

    Returns:
        The ratio; NaN without bright pixels, or with a ring of one grey level.
    """
    if not bright.any():
        return math.nan
    distance = scipy.ndimage.distance_transform_edt(~bright)
    ring = image[(distance > RING[0]) & (distance <= RING[1])]
    if ring.size == 0 or ring.min() == ring.max():
        return math.nan
    return float((image[bright].mean() - ring.mean()) / ring.std())


def signal_to_noise(image: Pixels, mask: Mask | None = None) -> float:
    """Mean over standard deviation of the background, in its typical window.

    Args:
        image: uint8 `(height, width)`, at least `WINDOW` pixels each.
        mask: bool of its shape, true in the lesion, which is no background.

    Returns:
        The ratio, see `DEFINITIONS`; NaN without a window of background that has more
        than one grey level.

    Raises:
        ValueError: if the image is smaller or not uint8.
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
    """All windows that lie wholly in the image, `(n, WINDOW, WINDOW)`."""
    if image.ndim != 2 or image.dtype not in (np.uint8, np.bool_):
        raise ValueError(
            "An ROI must be uint8 of shape (height, width). "
            f"Received: {image.dtype} of shape {image.shape}"
        )
    if min(image.shape) < WINDOW:
        raise ValueError(
            f"An ROI must have {WINDOW} pixels a side. Received: shape {image.shape}"
        )
    views = np.lib.stride_tricks.sliding_window_view(image, (WINDOW, WINDOW))
    return views[::STEP, ::STEP].reshape(-1, WINDOW, WINDOW)
