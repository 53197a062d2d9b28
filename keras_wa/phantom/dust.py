"""Dust and flaws of the film: bright specks, sharper than the X-ray image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_wa.phantom.texture import Array

# Specks per cm², their contrast (median, grey levels) and radius, mm, measured on
# eight films of CBIS-DDSM (docs/phantom-validity.md).
_RATE, _CONTRAST, _SPREAD = 1.0, 18.0, 0.55
_LEAST_MM, _MOST_MM = 0.04, 0.13


def draw_dust(
    shape: tuple[int, int], pixel_mm: float, rng: np.random.Generator
) -> Iterator[tuple[tuple[slice, slice], Array]]:
    """Draws specks at random positions, independent of the label.

    Yields:
        Rows and columns of each speck, and its contrast there, float64, grey levels
        before the film's curve.
    """
    count = rng.poisson(_RATE * shape[0] * shape[1] * (pixel_mm / 10) ** 2)
    place = rng.uniform(0, shape, (count, 2))
    radius = rng.uniform(_LEAST_MM, _MOST_MM, count) / pixel_mm
    contrast = _CONTRAST * rng.lognormal(0, _SPREAD, count)
    for (y, x), r, bright in zip(place, radius, contrast, strict=True):
        half = int(np.ceil(r + 1))
        rows, columns = (int(at) + np.arange(-half, half + 1) for at in (y, x))
        distance = np.hypot(rows[:, None] + 0.5 - y, columns + 0.5 - x)
        # A disc, blurred over a pixel, with its area preserved.
        cover = np.clip(r + 0.75 - distance, 0, 1)
        cover *= np.pi * r * r / cover.sum()
        inner = [
            (at >= 0) & (at < n) for at, n in zip((rows, columns), shape, strict=True)
        ]
        top, left = rows[inner[0]][0], columns[inner[1]][0]
        cut = cover[np.ix_(*inner)]
        yield np.s_[top : top + len(cut), left : left + cut.shape[1]], bright * cut
