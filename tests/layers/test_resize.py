"""Tests of the resizing layer against OpenCV."""

from __future__ import annotations

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_wa.data.io.resize import resize
from keras_wa.layers.resize import Resize2D
from keras_wa.testing import run_layer_test


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def assert_same_pixels(found: object, expected: np.ndarray) -> None:
    """At least 99 % equal, none off by more than one grey level."""
    pixels = keras.ops.convert_to_numpy(found).astype(int)
    difference = np.abs(pixels - expected.astype(int))
    assert difference.max() <= 1
    assert (difference == 0).mean() >= 0.99


def opencv(image: np.ndarray, size: tuple[int, int], method: int) -> np.ndarray:
    return cv2.resize(image, (size[1], size[0]), interpolation=method)


def test_shrinking_equals_the_areas_of_opencv():
    rng = np.random.default_rng(1)
    for number in range(20):
        height, width = (int(size) for size in rng.integers(16, 225, 2))
        if number % 2:
            old = (height + int(rng.integers(0, 300)), width + int(rng.integers(0, 99)))
        else:
            # Whole factors take another way through OpenCV, with other rounding.
            old = (height * int(rng.integers(1, 5)), width * int(rng.integers(1, 5)))
        image = noise(*old, seed=number)
        expected = opencv(image, (height, width), cv2.INTER_AREA)
        found = Resize2D(height, width)(image[None, ..., None])
        assert_same_pixels(found[0, ..., 0], expected)


@pytest.mark.parametrize("factors", [(2, 2), (2, 1), (1, 2), (4, 4), (2, 4), (6, 3)])
def test_halves_are_rounded_as_opencv_rounds_them(factors):
    # Means that end in one half are common here, and rounding them to even or up
    # differs in half of them: far more than 1 % of the pixels with a factor of 2.
    image = noise(32 * factors[0], 32 * factors[1])
    expected = opencv(image, (32, 32), cv2.INTER_AREA)
    found = keras.ops.convert_to_numpy(Resize2D(32, 32)(image[None, ..., None]))
    np.testing.assert_array_equal(found[0, ..., 0], expected)


def test_growing_equals_the_exact_linear_interpolation_of_opencv():
    rng = np.random.default_rng(2)
    for number in range(12):
        old = tuple(int(size) for size in rng.integers(2, 150, 2))
        new = (old[0] + int(rng.integers(0, 150)), old[1] + int(rng.integers(0, 150)))
        image = noise(*old, seed=number)
        expected = opencv(image, new, cv2.INTER_LINEAR_EXACT)
        found = keras.ops.convert_to_numpy(Resize2D(*new)(image[None, ..., None]))
        np.testing.assert_array_equal(found[0, ..., 0], expected)


def test_any_size_comes_out_as_the_imaging_function_gives_it():
    rng = np.random.default_rng(3)
    for number in range(20):
        old = tuple(int(size) for size in rng.integers(32, 400, 2))
        new = tuple(int(size) for size in rng.integers(32, 300, 2))
        image = noise(*old, seed=number)
        found = Resize2D(*new)(image[None, ..., None])
        assert_same_pixels(found[0, ..., 0], resize(image, new))


@pytest.mark.parametrize(
    "signature", [(None, None, None, None), (2, 80, None, 1), (None, None, 64, 1)]
)
def test_sizes_unknown_while_tracing_give_the_same_pixels(signature):
    layer = Resize2D(64, 72)
    graph = tf.function(layer, input_signature=[tf.TensorSpec(signature, tf.uint8)])
    for size in ((80, 64), (64, 72), (128, 144), (33, 35), (200, 40), (40, 200)):
        height, width = (
            known or wanted for known, wanted in zip(signature[1:3], size, strict=True)
        )
        images = noise(2, height, width)
        found = graph(tf.constant(images[..., None]))
        assert_same_pixels(
            found[..., 0], np.stack([resize(image, (64, 72)) for image in images])
        )


def test_the_same_size_gives_equal_pixels():
    images = noise(2, 40, 50, 1)
    found = keras.ops.convert_to_numpy(Resize2D(40, 50)(images))
    np.testing.assert_array_equal(found, images)


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("size", [(31, 100), (150, 211), (300, 37)])
def test_black_stays_black_and_white_white(level, size):
    images = np.full((1, *size, 1), level, np.uint8)
    found = keras.ops.convert_to_numpy(Resize2D(64, 96)(images))
    np.testing.assert_array_equal(found, np.full((1, 64, 96, 1), level))


def test_each_channel_is_resized_by_itself():
    images = noise(2, 61, 40, 3)
    layer = Resize2D(32, 64)
    together = keras.ops.convert_to_numpy(layer(images))
    for channel in range(3):
        alone = Resize2D(32, 64)(images[..., channel : channel + 1])
        np.testing.assert_array_equal(together[..., channel : channel + 1], alone)


def test_floats_are_rounded_and_clipped_to_grey_levels():
    images = noise(1, 50, 50, 1)
    layer = Resize2D(32, 64)
    jitter = np.where(images % 2, 0.4, -0.4).astype("float32")
    np.testing.assert_array_equal(layer(images + jitter), layer(images))
    bright = np.full((1, 50, 50, 1), 300.0, "float32")
    assert float(keras.ops.max(layer(bright))) == 255


def test_contract():
    images = noise(2, 41, 24, 2)
    run_layer_test(
        Resize2D,
        {"height": 32, "width": 30},
        images.shape,
        input_data=images,
        output_shape=(2, 32, 30, 2),
        dynamic_axes=(1, 2),
        half_tolerance=0.0,
    )


@pytest.mark.parametrize("size", [(0, 32), (32, -1), (32, 2.5), ("32", 32), (None, 1)])
def test_an_unusable_size_is_refused(size):
    with pytest.raises(ValueError, match=r"whole number.*Received"):
        Resize2D(*size)


def test_anything_but_a_batch_of_images_is_refused():
    with pytest.raises(ValueError, match=r"takes images.*Received"):
        Resize2D(32, 32)(np.zeros((40, 40, 1), np.uint8))
