"""Pictures with known spots."""

from __future__ import annotations

import numpy as np

FILM_BLUR_MM = 0.12
"""Standard deviation of a small calcification as a film shows it, mm."""


def noise(shape, seed=0, level=100.0, deviation=4.0):
    """Tissue of even brightness with white noise, float32."""
    rng = np.random.default_rng(seed)
    return rng.normal(level, deviation, shape).astype(np.float32)


def add_spot(image, x, y, height, sigma_mm=FILM_BLUR_MM, spacing_mm=0.05):
    """Adds a Gaussian spot in place; `spacing_mm` one number or (rows, columns)."""
    rows_mm, columns_mm = np.broadcast_to(spacing_mm, (2,))
    rows, columns = np.indices(image.shape)
    square = ((rows - y) * rows_mm) ** 2 + ((columns - x) * columns_mm) ** 2
    image += (height * np.exp(-square / (2 * sigma_mm**2))).astype(image.dtype)
