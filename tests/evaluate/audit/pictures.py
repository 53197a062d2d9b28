"""Images for the tests of the audit: smooth noise, no two alike."""

from __future__ import annotations

import cv2
import numpy as np


def pictures(n, seed=0, size=64) -> np.ndarray:
    """Textures of several scales, uint8 `(n, size, size)` of 1..255."""
    rng = np.random.default_rng(seed)
    result = np.empty((n, size, size), np.uint8)
    for row in range(n):
        image = sum(
            scale
            * cv2.resize(
                rng.normal(size=(scale_size, scale_size)).astype(np.float32),
                (size, size),
                interpolation=cv2.INTER_CUBIC,
            )
            for scale, scale_size in ((25, 4), (20, 8), (12, 16), (6, 32))
        )
        result[row] = np.clip(image + 128, 1, 255)
    return result
