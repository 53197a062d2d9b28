from __future__ import annotations

import numpy as np
import pytest

from keras_wa.detection.specks import is_speck, sharpness
from tests.detection.pictures import add_spot


def expected(s):
    """The ratio of two differences of Gaussians at the middle of a Gaussian spot."""
    fine, middle, coarse = (1 / (s * s + t * t) for t in (0.05, 0.1, 0.2))
    return (fine - middle) / (middle - coarse)


@pytest.mark.parametrize("s", [0.06, 0.1, 0.2])
@pytest.mark.parametrize("spacing", [(0.025, 0.025), (0.02, 0.03)])
def test_the_sharpness_of_a_gaussian_spot_is_that_of_the_formula(s, spacing):
    image = np.full((150, 140), 50.0)
    add_spot(image, 70, 75, 100.0, s, spacing)
    (found,) = sharpness(image, spacing, np.array([70.0]), np.array([75.0]))
    assert found == pytest.approx(expected(s), rel=0.03)


def test_the_formula_says_4_for_a_point_and_1_at_the_blur_of_a_film():
    assert expected(0.0) == pytest.approx(4)
    assert expected(0.1) == pytest.approx(1)


def test_a_pixel_of_dust_is_a_speck_and_a_blurred_spot_is_none_also_at_the_edge():
    image = np.full((100, 100), 50, np.uint8)
    image[50, 50] = image[0, 99] = 250
    add_spot(image, 20, 70, 120)
    x, y = np.array([50.0, 99.0, 20.0]), np.array([50.0, 0.0, 70.0])
    assert is_speck(image, (0.046, 0.046), x, y).tolist() == [True, True, False]


def test_large_pixels_do_not_show_specks():
    image = np.zeros((60, 60), np.uint8)
    image[30, 30] = 255
    point = np.array([30.0])
    assert is_speck(image, (0.05, 0.05), point, point).all()
    assert not is_speck(image, (0.05, 0.1), point, point).any()


def test_no_spots_give_no_answers():
    none = np.zeros(0)
    assert is_speck(np.zeros((9, 9)), (0.05, 0.05), none, none).shape == (0,)
