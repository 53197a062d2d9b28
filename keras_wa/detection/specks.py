"""Specks on film, dust and flaws of the emulsion: sharper than the X-ray image.

The X-ray image is blurred by focal spot, screen and film, with a standard deviation of
about 0.1 mm. Dust on a film is blurred only by the scanner.

Source of the idea: "Detecting film-screen artifacts in mammography using a model-based
approach", IEEE Transactions on Medical Imaging 1999, doi:10.1109/42.811313 (a model of
the blur separates them from calcifications). This measure is simpler: a ratio of two
differences of Gaussians.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FINEST_NEEDED_MM = 0.06
"""Largest pixel that shows the sharpness of a speck, mm."""

_SIGMAS_MM = (0.05, 0.1, 0.2)
# Largest distance of a spot's maximum from its position, mm.
_REACH_MM = 0.1
_MOST_SHARPNESS = 1.4


def sharpness(
    image: NDArray, spacing_mm: tuple[float, float], x: NDArray, y: NDArray
) -> NDArray[np.float64]:
    """Measures the sharpness of spots at columns `x` and rows `y`.

    That is the difference of Gaussians of 0.05 and 0.1 mm over that of 0.1 and 0.2 mm,
    each at its maximum within 0.1 mm of the spot. For a Gaussian spot of s mm it is
    (1/(s²+0.05²) - 1/(s²+0.1²)) / (1/(s²+0.1²) - 1/(s²+0.2²)): 4 for a point, 1 at
    0.1 mm, 0.4 for a large spot.
    """
    sigmas = [(s / spacing_mm[0], s / spacing_mm[1]) for s in _SIGMAS_MM]
    reach = [round(_REACH_MM / mm) for mm in spacing_mm]
    room = [int(np.ceil(4 * s)) + r for s, r in zip(sigmas[-1], reach, strict=True)]
    rows, columns = (np.arange(-each, each + 1) for each in room)
    found = np.empty(len(x))
    for i, (column, row) in enumerate(zip(np.rint(x), np.rint(y), strict=True)):
        at = _inside(rows + int(row), image.shape[0])
        across = _inside(columns + int(column), image.shape[1])
        patch = image[np.ix_(at, across)].astype(np.float32)
        fine, middle, coarse = (
            cv2.GaussianBlur(patch, (0, 0), sigmaX=each[1], sigmaY=each[0])[
                room[0] - reach[0] : room[0] + reach[0] + 1,
                room[1] - reach[1] : room[1] + reach[1] + 1,
            ]
            for each in sigmas
        )
        found[i] = (fine - middle).max() / max((middle - coarse).max(), 1e-6)
    return found


def is_speck(
    image: NDArray, spacing_mm: tuple[float, float], x: NDArray, y: NDArray
) -> NDArray[np.bool_]:
    """Returns whether spots are too sharp for an X-ray image.

    All false if the pixels are larger than `FINEST_NEEDED_MM`.
    """
    if max(spacing_mm) > FINEST_NEEDED_MM:
        return np.zeros(len(x), bool)
    return np.asarray(sharpness(image, spacing_mm, x, y) > _MOST_SHARPNESS)


def _inside(places: NDArray, length: int) -> NDArray:
    """Reflects positions outside the image into it."""
    mirrored = np.abs(places)
    mirrored = np.minimum(mirrored, 2 * (length - 1) - mirrored)
    return np.asarray(mirrored.clip(0))
