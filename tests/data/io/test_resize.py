"""Tests of resizing one image."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from keras_wa.data.io.resize import resize
from keras_wa.errors import UserError


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width), dtype=np.uint8)


def area_means(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Exact means of the areas: repeat until the cells hold whole pixels, then mean."""
    (old_height, old_width), (height, width) = image.shape, size
    fine = np.repeat(np.repeat(image, height, axis=0), width, axis=1)
    return fine.reshape(height, old_height, width, old_width).mean(axis=(1, 3))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ((64, 64), (32, 32)),
        ((63, 96), (21, 32)),
        ((50, 40), (50, 20)),
        ((47, 61), (32, 33)),
        ((90, 33), (7, 32)),
    ],
)
def test_shrinking_gives_the_means_of_the_areas(old, new):
    image = noise(*old)
    # 0.5 by rounding, and a little for float32.
    assert np.abs(resize(image, new) - area_means(image, new)).max() <= 0.5 + 1e-4


def test_growing_interpolates_between_pixel_centres():
    image = np.array([[0, 255]], np.uint8)
    # Centres of the new pixels lie at -0.25, 0.25, 0.75 and 1.25 of the old ones.
    np.testing.assert_array_equal(resize(image, (1, 4)), [[0, 64, 191, 255]])


@pytest.mark.parametrize("new", [(64, 64), (33, 90), (224, 224)])
def test_growing_equals_linear_zoom_without_bias(new):
    image = noise(32, 41)
    factors = (new[0] / 32, new[1] / 41)
    expected = ndimage.zoom(
        image.astype(float), factors, order=1, mode="nearest", grid_mode=True
    )
    difference = resize(image, new) - expected
    # The weights are multiples of 1/256: up to half a grey level an axis.
    assert np.abs(difference).max() <= 1.5
    assert abs(difference.mean()) < 0.05


def test_the_axis_that_shrinks_is_averaged_while_the_other_grows():
    image = noise(40, 96)
    expected = resize(resize(image, (40, 32)), (64, 32))
    np.testing.assert_array_equal(resize(image, (64, 32)), expected)

    stripes = np.tile(np.array([0, 200], np.uint8), (40, 48))
    np.testing.assert_array_equal(resize(stripes, (64, 48)), np.full((64, 48), 100))


def test_the_same_size_gives_equal_pixels_in_new_memory():
    image = noise(50, 37)
    resized = resize(image, (50, 37))
    np.testing.assert_array_equal(resized, image)
    assert not np.shares_memory(resized, image)


def test_shape_and_dtype_are_what_was_asked_for_and_any_view_will_do():
    view = noise(80, 70)[::-1, ::2]
    resized = resize(view, (33, 77))
    assert resized.shape == (33, 77)
    assert resized.dtype == np.uint8
    np.testing.assert_array_equal(resized, resize(view.copy(), (33, 77)))


@pytest.mark.parametrize("size", [224, (224,), (0, 224), (224, 2.5), (1, 2, 3), "11"])
def test_an_unusable_size_is_the_users_error(size):
    with pytest.raises(UserError, match=r"`size`.*Received"):
        resize(noise(40, 40), size)
