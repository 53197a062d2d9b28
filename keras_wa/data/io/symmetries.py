"""The eight symmetries of the square: exact rotations and flips."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SYMMETRIES = 8
"""Number of symmetries; 0 is the identity."""


def apply_symmetry(image: NDArray[np.uint8], symmetry: int) -> NDArray[np.uint8]:
    """Rotates and flips a square image; returns a view.

    Args:
        image: `(height, width)`.
        symmetry: 0 to 3: number of quarter turns, counter-clockwise; 4 to 7: flipped
            left to right, then `symmetry - 4` quarter turns.

    Raises:
        ValueError: the symmetry is out of range, or the image is not square.
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
