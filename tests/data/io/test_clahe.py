"""Tests of CLAHE on one image."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from keras_wa.data.io.clahe import clahe
from keras_wa.errors import UserError


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.clip(rng.normal(100, 30, (height, width)), 0, 255).astype(np.uint8)


def test_one_tile_without_a_limit_is_plain_histogram_equalisation():
    image = noise(40, 50)
    cumulated = np.cumsum(np.bincount(image.ravel(), minlength=256))
    table = np.rint(cumulated * (255 / image.size))
    np.testing.assert_array_equal(
        clahe(image, clip_limit=0, tiles=(1, 1)), table[image]
    )


def test_one_tile_spreads_what_the_limit_cuts_off():
    # 64x64 pixels: 16 a bin in the mean, so the limit 2 lets a bin hold 32. Two levels
    # share the pixels: 4096 - 64 are cut off, 15 for every bin and 192 left over,
    # which go to the bins 0..191, as the step 256 // 192 is 1.
    image = np.repeat(np.array([[10], [200]], np.uint8), 32, axis=0)
    image = np.repeat(image, 64, axis=1)
    dark = 11 * 15 + 11 + 32
    light = 201 * 15 + 192 + 64
    expected = np.where(
        image == 10, round(dark * 255 / 4096), round(light * 255 / 4096)
    )
    np.testing.assert_array_equal(clahe(image, 2.0, (1, 1)), expected)


@pytest.mark.parametrize(
    ("given", "limit", "columns_rows"),
    [((), 2.0, (8, 8)), ((3.0, (2, 5)), 3.0, (5, 2))],
)
def test_it_is_opencvs_with_rows_before_columns(given, limit, columns_rows):
    image = noise(60, 90)
    expected = cv2.createCLAHE(clipLimit=limit, tileGridSize=columns_rows).apply(image)
    np.testing.assert_array_equal(clahe(image, *given), expected)


def test_the_input_is_left_as_it_was_and_may_be_any_view():
    image = noise(80, 70)
    before = image.copy()
    view = image[::-1, ::2]
    np.testing.assert_array_equal(clahe(view), clahe(view.copy()))
    np.testing.assert_array_equal(image, before)


def test_many_threads_get_what_one_gets():
    images = [noise(40 + n, 90 - n, seed=n) for n in range(24)]
    limits = [0.5 + n % 5 for n in range(24)]
    expected = [clahe(i, limit) for i, limit in zip(images, limits, strict=True)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(clahe, images, limits))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("clip_limit", [-1, float("nan"), float("inf"), "2", None])
def test_an_unusable_clip_limit_is_the_users_error(clip_limit):
    with pytest.raises(UserError, match=r"`clip_limit`.*Received"):
        clahe(noise(40, 40), clip_limit=clip_limit)


@pytest.mark.parametrize("tiles", [8, (8,), (8, 0), (8, 2.5), (8, 8, 8), "88"])
def test_unusable_tiles_are_the_users_error(tiles):
    with pytest.raises(UserError, match=r"`tiles`.*Received"):
        clahe(noise(40, 40), tiles=tiles)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((40, 40, 1), np.uint8),
        np.zeros((40, 40), np.uint16),
        np.zeros((0, 40), np.uint8),
    ],
)
def test_anything_but_a_grey_8_bit_image_is_refused(image):
    with pytest.raises(ValueError, match="non-empty uint8 array"):
        clahe(image)
