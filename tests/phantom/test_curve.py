from __future__ import annotations

import numpy as np

from keras_wa.phantom.curve import brighten, film_curve, film_exposure


def test_dark_and_medium_grey_levels_are_kept():
    exposure = np.linspace(0, 110, 23)

    np.testing.assert_array_equal(film_curve(exposure), exposure)


def test_contrast_is_half_at_a_grey_level_of_190():
    exposure = film_exposure(np.array([189.5, 190.5]))

    slope = 1 / (exposure[1] - exposure[0])
    # The shoulder begins at 110 and ends at 265: 1 - 80 / 155.
    assert np.isclose(slope, 1 - 80 / 155, rtol=1e-3)


def test_grey_levels_stay_within_the_film():
    grey = film_curve(np.array([-50.0, 0.0, 1e3, 1e6]))

    np.testing.assert_array_equal(grey, [0, 0, 255, 255])


def test_exposure_is_the_inverse():
    grey = np.linspace(0, 255, 256)

    np.testing.assert_allclose(film_curve(film_exposure(grey)), grey, atol=1e-9)


def test_what_is_added_shows_less_on_bright_tissue():
    dark, bright = brighten(np.array([60.0, 200.0]), np.array([20.0, 20.0]))

    assert np.isclose(dark, 80)
    assert 200 < bright < 210
