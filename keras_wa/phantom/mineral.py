"""How calcifications show on the film: thickness to brightness, and the contrast."""

from __future__ import annotations

import numpy as np

from keras_wa.phantom.particles import Particles, draw
from keras_wa.phantom.texture import Array, blur

# Contrast of the brightest calcification over the tissue, in the tissue's standard
# deviation, for subtlety 1 (subtle) to 5 (obvious).
_CONTRAST = (2.2, 2.7, 3.2, 3.8, 4.5)
# How fast the film saturates with the thickness, and how uneven mineral is.
_SATURATION, _UNEVEN = 1.5, 0.12


def draw_mineral(
    lesion: Particles, pixel_mm: float, blur_mm: float, grain: Array
) -> Array:
    """Draws the calcifications of a lesion as the film shows them.

    Args:
        lesion: the calcifications.
        pixel_mm: side of a pixel, mm.
        blur_mm: standard deviation of the blur of film and scanner, mm.
        grain: `(size, size)`, mean 0, standard deviation 1.

    Returns:
        Brightness over the tissue, `(size, size)` float64; not yet scaled.
    """
    # The film saturates: what is twice as thick is less than twice as bright. Mineral
    # is uneven; the grain upside down serves for that.
    mineral = 1 - np.exp(-_SATURATION * draw(lesion, len(grain), pixel_mm))
    return blur(mineral * (1 + _UNEVEN * grain[::-1]), blur_mm, pixel_mm)


def scale_of(
    mineral: Array,
    faint: float,
    subtlety: int,
    conspicuity: float,
    rng: np.random.Generator,
) -> float:
    """Draws what `draw_mineral` is to be multiplied by.

    The contrast is the same whatever the type, so that brightness does not tell the
    label.

    Args:
        mineral: what `draw_mineral` gave.
        faint: how much fainter than others its type is, 1 for most.
        subtlety: 1 (subtle) to 5 (obvious).
        conspicuity: factor on the contrast.
        rng: source of randomness.

    Returns:
        The factor, in the tissue's standard deviation.
    """
    contrast = _CONTRAST[subtlety - 1] * rng.lognormal(0, 0.2)
    return contrast * (faint * conspicuity / max(mineral.max(), 1e-6))
