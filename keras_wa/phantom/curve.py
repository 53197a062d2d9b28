"""The film's characteristic curve: bright tissue has less contrast and noise."""

from __future__ import annotations

import numpy as np

from keras_wa.phantom.texture import Array

# On eight films of CBIS-DDSM the amplitude of noise is constant up to a grey level of
# about 160, and two thirds of that at 200 (docs/phantom-validity.md).
_SHOULDER, _RANGE = 155.0, 102.0


def film_curve(exposure: Array) -> Array:
    """Returns grey levels, 0 to 255, of exposures: slope 1 up to 155, then falling."""
    over = np.maximum(exposure - _SHOULDER, 0)
    bright = _SHOULDER - _RANGE * np.expm1(-over / _RANGE)
    return np.clip(np.where(exposure > _SHOULDER, bright, exposure), 0, 255)


def film_exposure(grey: Array) -> Array:
    """Inverts `film_curve`."""
    over = np.maximum(grey - _SHOULDER, 0)
    return np.where(
        grey > _SHOULDER, _SHOULDER - _RANGE * np.log1p(-over / _RANGE), grey
    )


def brighten(grey: Array, added: Array) -> Array:
    """Adds exposure, in grey levels before the film's curve, to grey levels."""
    return film_curve(film_exposure(grey) + added)
