"""The eight symmetries of the square: exact rotations and flips."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SYMMETRIES = 8
"""Number of symmetries; 0 is the identity."""


def apply_symmetry(image: NDArray[np.uint8], symmetry: int) -> NDArray[np.uint8]:
    """Rotates and flips a square image `(height, width)`; returns a view.

    0 to 3 are quarter turns, counter-clockwise; 4 to 7 flip left to right, then make
    `symmetry - 4` quarter turns.
    """
    if not 0 <= symmetry < SYMMETRIES:
        raise ValueError(f"symmetry must be 0 to 7. Received: {symmetry}")
    if image.ndim != 2 or image.shape[0] != image.shape[1]:
        raise ValueError(
            "A symmetry of the square needs a square image. Received: shape "
            f"{image.shape}"
        )
    mirrored = np.fliplr(image) if symmetry >= 4 else image
    return np.rot90(mirrored, symmetry % 4)
