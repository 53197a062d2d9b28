from __future__ import annotations

import numpy as np
import pytest

from keras_wa.detection.spots import Spots, as_spacing, find_spots
from keras_wa.errors import UserError
from tests.detection.pictures import add_spot, noise

MM = 0.05


def everywhere(image):
    return np.ones(image.shape, bool)


def nearest(spots: Spots, x, y):
    away = np.hypot(spots.x - x, spots.y - y)
    return int(away.argmin()), float(away.min())


@pytest.mark.parametrize("spacing", [0.046, 0.07, 0.1, (0.05, 0.08)])
def test_spots_are_found_where_they_are_and_nothing_else(spacing):
    rows_mm, columns_mm = np.broadcast_to(spacing, (2,))
    image = noise((round(25 / rows_mm), round(25 / columns_mm)))
    places_mm = [(6.31, 7.02), (12.5, 18.77), (18.0, 9.5)]
    for x, y in places_mm:
        add_spot(image, x / columns_mm, y / rows_mm, 60, 0.15, spacing)
    spots = find_spots(image, spacing, everywhere(image), 5.5)
    assert len(spots) == 3
    for x, y in places_mm:
        off = np.hypot(spots.x * columns_mm - x, spots.y * rows_mm - y).min()
        assert off < 0.09


@pytest.mark.parametrize("diameter_mm", [0.5, 0.8, 1.1])
def test_the_diameter_of_a_disk_is_told_to_a_step_of_the_scales(diameter_mm):
    image = noise((400, 400), deviation=0.5)
    rows, columns = np.indices(image.shape)
    image[np.hypot(rows - 200, columns - 200) * MM < diameter_mm / 2] += 30
    spots = find_spots(image, MM, everywhere(image))
    index, off = nearest(spots, 200, 200)
    assert off < 2
    assert 1 / 1.5 < spots.diameter_mm[index] / diameter_mm < 1.5


def test_the_contrast_is_the_response_in_standard_deviations_of_that_of_the_noise():
    # A spot so faint that its own response hardly changes the noise: the contrast
    # doubles with the height, and halves when the noise doubles.
    def contrast(height, factor):
        image = factor * (noise((500, 500)) - 100)
        add_spot(image, 250, 250, height, 0.14)
        spots = find_spots(image, MM, everywhere(image))
        return spots.contrast[nearest(spots, 250, 250)[0]]

    one = contrast(40, 1)
    assert contrast(80, 1) == pytest.approx(2 * one, rel=0.1)
    assert contrast(80, 2) == pytest.approx(one, rel=1e-3)


def test_noise_alone_seldom_gives_a_spot_of_4_5_deviations():
    image = noise((1000, 1000), seed=2)
    # 25 cm² are 250,000 points of the grid, of five scales; 1 normal number in 290,000
    # exceeds 4.5.
    assert len(find_spots(image, MM, everywhere(image), 4.5)) <= 8
    assert len(find_spots(image, MM, everywhere(image), 2.5)) > 100


def test_the_noise_is_that_of_the_neighbourhood():
    image = noise((500, 1000), deviation=2.0)
    image[:, 500:] = noise((500, 500), seed=1, deviation=8.0)
    add_spot(image, 200, 250, 30)
    add_spot(image, 800, 250, 30)
    spots = find_spots(image, MM, everywhere(image), 2.0)
    quiet, loud = (spots.contrast[nearest(spots, x, 250)[0]] for x in (200, 800))
    assert quiet > 2 * loud


@pytest.mark.parametrize("slopes", [(0.7,), (0.2, 0.7)])
def test_a_line_or_a_crossing_of_lines_is_no_spot(slopes):
    image = noise((400, 400), deviation=1.0)
    rows, columns = np.indices(image.shape)
    for slope in slopes:
        away_mm = np.abs((rows - 200) - slope * (columns - 200)) * MM
        away_mm /= np.hypot(1, slope)
        image += (40 * np.exp(-(away_mm**2) / (2 * 0.15**2))).astype(np.float32)
    assert len(find_spots(image, MM, everywhere(image), 6.0)) == 0


@pytest.mark.parametrize(("long_mm", "stays"), [(0.2, True), (0.6, False)])
def test_a_spot_may_be_oblong_but_no_stroke(long_mm, stays):
    image = noise((400, 400), deviation=1.0)
    rows, columns = (np.indices(image.shape) - 200) * MM
    square = (rows / long_mm) ** 2 + (columns / 0.1) ** 2
    image += (60 * np.exp(-square / 2)).astype(np.float32)
    spots = find_spots(image, MM, everywhere(image), 6.0)
    assert (len(spots) == 1) == stays


def test_a_round_spot_is_round_whatever_the_shape_of_the_pixels():
    found = []
    for spacing in ((0.05, 0.05), (0.05, 0.1), (0.1, 0.05)):
        image = noise((round(20 / spacing[0]), round(20 / spacing[1])), deviation=0.5)
        add_spot(image, 10 / spacing[1], 10 / spacing[0], 60, 0.28, spacing)
        spots = find_spots(image, spacing, everywhere(image), 8.0)
        found.append(spots.diameter_mm.tolist())
    assert found == [[pytest.approx(0.79, abs=0.01)]] * 3


def test_a_coarse_calcification_is_one_spot_though_it_has_several_maxima():
    image = noise((400, 400), deviation=1.0)
    rows, columns = np.indices(image.shape)
    image[np.hypot(rows - 200, columns - 200) * MM < 0.9] += 60
    for x in (191, 209):
        add_spot(image, x, 200, 120, 0.1)
    (x,) = find_spots(image, MM, everywhere(image), 6.0).x
    assert abs(x - 200) < 12


def test_two_small_spots_side_by_side_are_two():
    image = noise((400, 400), deviation=1.0)
    add_spot(image, 190, 200, 60, 0.1)
    add_spot(image, 201, 200, 50, 0.1)
    assert len(find_spots(image, MM, everywhere(image), 6.0)) == 2


def test_dust_is_left_out_unless_asked_for():
    image = noise((400, 400), deviation=2.0)
    image[200, 200] = 255
    add_spot(image, 100, 300, 50)
    mask = everywhere(image)
    (found,) = find_spots(image, MM, mask, 6.0).x
    assert found == pytest.approx(100, abs=2)
    assert len(find_spots(image, MM, mask, 6.0, film=False)) == 2


def test_nothing_is_found_outside_the_mask_or_at_its_rim():
    image = noise((400, 400), deviation=1.0)
    for x in (60, 195, 300):
        add_spot(image, x, 200, 60)
    mask = everywhere(image)
    mask[:, 200:] = False
    spots = find_spots(image, MM, mask, 6.0)
    assert spots.x == pytest.approx([60], abs=2)
    assert len(find_spots(image, MM, np.zeros_like(mask))) == 0


def test_the_strongest_comes_first_and_the_unit_of_grey_does_not_matter():
    image = noise((400, 400))
    for x, height in ((80, 40), (200, 90), (320, 60)):
        add_spot(image, x, 200, height)
    spots = find_spots(image, MM, everywhere(image), 5.0)
    assert (np.diff(spots.contrast) <= 0).all()
    other = find_spots(image / 300 - 7, MM, everywhere(image), 5.0)
    assert other.x == pytest.approx(spots.x)
    assert other.contrast == pytest.approx(spots.contrast, rel=1e-2)


def test_an_even_image_has_no_spots():
    image = np.full((200, 200), 77, np.uint8)
    assert len(find_spots(image, MM, everywhere(image), 1.0)) == 0


def test_a_spacing_may_be_one_number_or_two():
    assert as_spacing(0.05) == (0.05, 0.05)
    assert as_spacing((0.05, 0.06)) == (0.05, 0.06)


@pytest.mark.parametrize(
    "spacing", [None, 0, -0.1, 0.5, 50.0, float("nan"), (0.05, 0.0), (0.1, 0.1, 0.1)]
)
def test_a_spacing_of_no_mammogram_is_an_error(spacing):
    with pytest.raises(UserError, match=r"spacing_mm: .*Received: .*; expected"):
        as_spacing(spacing)


def test_a_mask_of_another_shape_is_an_error():
    with pytest.raises(UserError, match=r"mask: .*Received: shape=\(20, 30\)"):
        find_spots(np.zeros((30, 30), np.uint8), MM, np.ones((20, 30), bool))


@pytest.mark.parametrize("least", [0, -1.0, float("nan")])
def test_a_least_contrast_that_lets_everything_through_is_an_error(least):
    image = noise((60, 60))
    with pytest.raises(UserError, match=r"least_contrast: Received: .*; expected"):
        find_spots(image, MM, everywhere(image), least)
