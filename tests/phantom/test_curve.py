from __future__ import annotations

import numpy as np

from keras_wa.phantom.curve import brighten, film_curve, film_exposure


def test_dark_and_medium_grey_levels_are_kept():
    exposure = np.linspace(0, 155, 32)

    np.testing.assert_array_equal(film_curve(exposure), exposure)


def test_contrast_is_a_half_at_a_grey_level_of_205():
    exposure = film_exposure(np.array([204.5, 205.5]))

    slope = 1 / (exposure[1] - exposure[0])
    # The shoulder begins at 155 and would end at 257.
    assert np.isclose(slope, 1 - 50 / 102, rtol=1e-3)


def test_grey_levels_stay_within_the_film():
    grey = film_curve(np.array([-50.0, 0.0, 1e3, 1e6]))

    np.testing.assert_array_equal(grey, [0, 0, 255, 255])


def test_exposure_is_the_inverse():
    grey = np.linspace(0, 255, 256)

    np.testing.assert_allclose(film_curve(film_exposure(grey)), grey, atol=1e-9)


def test_what_is_added_shows_less_on_bright_tissue():
    dark, bright = brighten(np.array([60.0, 205.0]), np.array([20.0, 20.0]))

    assert np.isclose(dark, 80)
    # An exponential: 52 are left up to 257.
    assert np.isclose(bright, 257 - 52 * np.exp(-20 / 102))
