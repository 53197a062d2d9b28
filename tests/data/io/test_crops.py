"""Boxes, windows and cuts, worked by hand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from keras_wa.data.io import (
    Box,
    GreyImage,
    cut,
    cut_mask,
    mask_box,
    scale_box,
    window_of,
)
from keras_wa.errors import UserError


def mask(low: int = 0, high: int = 255, dtype=np.uint8) -> np.ndarray:
    """A lesion of two parts in rows 3 to 8 and columns 5 to 13."""
    values = np.full((20, 30), low, dtype)
    values[3:6, 5:9] = high
    values[8, 13] = high
    return values


@pytest.mark.parametrize(
    ("low", "high", "dtype"),
    [(0, 255, np.uint8), (0, 1, np.uint8), (0, 65535, np.uint16), (-5, 7, np.int16)],
)
def test_the_box_holds_the_whole_lesion(low, high, dtype):
    assert mask_box(mask(low, high, dtype), "m.dcm") == Box(5, 3, 9, 6)


@pytest.mark.parametrize("corner", [(0, 0), (0, 29), (19, 0), (19, 29)])
def test_a_lesion_of_one_pixel_in_a_corner(corner):
    values = np.zeros((20, 30), np.uint8)
    values[corner] = 1
    assert mask_box(values, "m.dcm") == Box(corner[1], corner[0], 1, 1)


@pytest.mark.parametrize("seed", range(5))
def test_the_box_is_opencvs(seed):
    rng = np.random.default_rng(seed)
    values = (rng.random((40, 50)) > 0.995).astype(np.uint8)
    values[rng.integers(40), rng.integers(50)] = 1
    box = mask_box(values, "m.dcm")
    assert (box.left, box.top, box.width, box.height) == cv2.boundingRect(values)


@pytest.mark.parametrize("value", [0, 255])
def test_a_mask_without_a_lesion_is_a_user_error(value):
    with pytest.raises(UserError, match=rf"m\.dcm: .*no lesion.*value {value} in all"):
        mask_box(np.full((4, 4), value, np.uint8), "m.dcm")


@pytest.mark.parametrize("place", [(0, 0), (4, 6), (19, 29)])
def test_a_third_value_anywhere_means_that_it_is_no_mask(place):
    values = mask()
    values[place] = 100
    with pytest.raises(UserError, match=r"m\.dcm: no mask.*more than two"):
        mask_box(values, "m.dcm")


@pytest.mark.parametrize(
    ("box", "new", "expected"),
    [
        (Box(10, 20, 30, 40), (100, 200), Box(10, 20, 30, 40)),
        (Box(10, 20, 30, 40), (200, 400), Box(20, 40, 60, 80)),
        # 0.8 of the height: rows 20 and 60 become 16 and 48.
        (Box(10, 20, 30, 40), (80, 200), Box(10, 16, 30, 32)),
        (Box(10, 20, 1, 1), (10, 20), Box(1, 2, 1, 1)),
    ],
)
def test_a_box_in_an_image_of_another_size(box, new, expected):
    assert scale_box(box, (100, 200), new) == expected


@pytest.mark.parametrize(
    ("box", "spacing", "expected"),
    [
        # 10 mm of 0.5 mm are 20 pixels, about the middle of the box.
        (Box(40, 50, 6, 8), (0.5, 0.5), Box(33, 44, 20, 20)),
        # The middle of an odd box lies half a pixel further left and up.
        (Box(40, 50, 7, 9), (0.5, 0.5), Box(33, 44, 20, 20)),
        (Box(0, 0, 2, 2), (0.5, 0.5), Box(-9, -9, 20, 20)),
        # A lesion larger than the field is cut on all sides.
        (Box(10, 10, 60, 40), (0.5, 0.5), Box(30, 20, 20, 20)),
        # Square in the breast, not in pixels.
        (Box(100, 100, 10, 10), (0.5, 0.25), Box(85, 95, 40, 20)),
    ],
)
def test_a_fixed_window_is_centred_on_the_box(box, spacing, expected):
    assert window_of(box, "fixed", 10, spacing) == expected


@pytest.mark.parametrize(
    ("box", "spacing", "expected"),
    [
        # The longer side is 40 pixels; a tenth of it is added on each side.
        (Box(100, 200, 40, 20), (0.1, 0.1), Box(96, 186, 48, 48)),
        # 30 rows of 0.2 mm are longer than 40 columns of 0.1 mm: 7.2 mm with margins.
        (Box(16, 3, 40, 30), (0.2, 0.1), Box(0, 0, 72, 36)),
    ],
)
def test_a_window_scaled_to_the_lesion_has_a_margin(box, spacing, expected):
    assert window_of(box, "roi", 25.6, spacing) == expected


def test_an_unknown_way_to_crop_is_a_user_error():
    with pytest.raises(UserError, match=r"crop.*'official'"):
        window_of(Box(0, 0, 1, 1), "official", 10, (0.1, 0.1))


IMAGE = GreyImage(np.arange(1, 49, dtype=np.uint8).reshape(6, 8))


@pytest.mark.parametrize(
    "window",
    [
        *(Box(2, 1, 3, 4), Box(-2, -1, 5, 4), Box(5, 3, 6, 5)),
        *(Box(-3, -2, 14, 10), Box(7, -4, 3, 5)),
    ],
)
def test_what_lies_beyond_is_as_dark_as_air(window):
    pixels, padding = cut(IMAGE, window)
    wide = np.pad(IMAGE.stored, 10)
    top, left = window.top + 10, window.left + 10
    expected = wide[top : top + window.height, left : left + window.width]
    np.testing.assert_array_equal(pixels, expected)
    assert padding == pytest.approx((expected == 0).mean())


def test_a_window_wholly_beyond_is_a_user_error():
    for window in (Box(8, 0, 3, 3), Box(0, -3, 3, 3)):
        with pytest.raises(UserError, match="outside the image"):
            cut(IMAGE, window)


def test_a_mask_is_cut_as_its_image_is():
    pixels = np.random.default_rng(0).choice([0, 255], (30, 20)).astype(np.uint8)
    for window in (Box(3, 4, 10, 12), Box(-5, -6, 40, 50), Box(15, 25, 9, 9)):
        expected, _ = cut(GreyImage(pixels), window)
        found = cut_mask(pixels // 255 + 7, (30, 20), window)
        np.testing.assert_array_equal(found, expected == 255)


def test_a_mask_of_another_size_is_cut_at_its_nearest_pixels():
    mask = np.array([[0, 1], [0, 0]], np.uint8)
    found = cut_mask(mask, (4, 6), Box(2, 1, 5, 2))
    # Columns 3 to 5 and rows 0 and 1 of the image are the marked pixel.
    assert found.tolist() == [[False, True, True, True, False], [False] * 5]
