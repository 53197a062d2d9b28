"""Calcifications on film: thickness to brightness, and contrast."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from keras_wa.phantom.particles import Particles, draw
from keras_wa.phantom.texture import Array

# Contrast of the brightest calcification over the tissue, grey levels before the
# film's curve, for subtlety 1 (subtle) to 5 (obvious).
_CONTRAST = (38.0, 48.0, 60.0, 76.0, 96.0)
# The share of the field above which calcifications are fainter: else the standard
# deviation of an ROI would reveal those that fill much of a small field.
_FULL, _FAINTER = 0.05, 0.6
# Rate at which brightness saturates with thickness.
_SATURATION = 1.5
# Unevenness of calcifications: 12 % in a pixel of 0.1 mm.
_UNEVEN_MM = 0.012


def draw_mineral(
    lesion: Particles, pixel_mm: float, blur_mm: float, noise: Array
) -> Array:
    """Renders calcifications: brightness over the tissue, not yet scaled."""
    # The film saturates: twice the thickness is less than twice as bright. Mineral
    # is uneven: it has the inverted noise.
    mineral = 1 - np.exp(-_SATURATION * draw(lesion, len(noise), pixel_mm))
    uneven = mineral * (1 + _UNEVEN_MM * noise[::-1])
    # In space: in the frequency domain a blur below a pixel would ring.
    return gaussian_filter(uneven, blur_mm / pixel_mm, mode="nearest")


def scale_of(
    mineral: Array,
    faint: float,
    subtlety: int,
    conspicuity: float,
    rng: np.random.Generator,
) -> float:
    """Draws the factor on the result of `draw_mineral`, grey levels before the curve.

    The contrast does not depend on the type, so that brightness does not reveal the
    label; `faint` is that of the type, see `faintness`.
    """
    peak = max(mineral.max(), 1e-6)
    contrast = _CONTRAST[subtlety - 1] * rng.lognormal(0, 0.2)
    contrast *= min(1, _FULL * peak / max(mineral.std(), 1e-6)) ** _FAINTER
    return contrast * (faint * conspicuity / peak)
