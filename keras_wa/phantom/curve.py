"""The film's characteristic curve: bright tissue has less contrast and noise."""

from __future__ import annotations

import numpy as np

from keras_wa.phantom.texture import Array

# On eight films of CBIS-DDSM the amplitude of noise is constant up to a grey level of
# about 160, and two thirds of that at 200 (docs/phantom-validity.md).
_SHOULDER, _RANGE = 155.0, 102.0


def film_curve(exposure: Array) -> Array:
    """Returns the grey levels of an exposure on film.

    Args:
        exposure: any shape, grey levels of a linear film.

    Returns:
        The same shape, 0 to 255: slope 1 up to 155, then falling.
    """
    over = np.maximum(exposure - _SHOULDER, 0)
    bright = _SHOULDER - _RANGE * np.expm1(-over / _RANGE)
    return np.clip(np.where(exposure > _SHOULDER, bright, exposure), 0, 255)


def film_exposure(grey: Array) -> Array:
    """Inverts `film_curve`.

    Args:
        grey: any shape, 0 to 255.

    Returns:
        The same shape.
    """
    over = np.maximum(grey - _SHOULDER, 0)
    return np.where(
        grey > _SHOULDER, _SHOULDER - _RANGE * np.log1p(-over / _RANGE), grey
    )


def brighten(grey: Array, added: Array) -> Array:
    """Adds exposure to the grey levels of a film.

    Args:
        grey: any shape, 0 to 255.
        added: the same shape, grey levels before the film's curve.

    Returns:
        The same shape, 0 to 255.
    """
    return film_curve(film_exposure(grey) + added)
