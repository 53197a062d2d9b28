"""Tests of the CLAHE layer against OpenCV, alone and after resizing."""

from __future__ import annotations

import textwrap
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from keras_wa.data.io.clahe import clahe
from keras_wa.data.io.resize import resize
from keras_wa.layers.clahe import CLAHE
from keras_wa.layers.resize import Resize2D
from keras_wa.testing import run_layer_test
from tests.processes import python

CLIP_LIMITS = (0, 0.5, 1.0, 2.0, 2.3, 4.0, 40.0)
KINDS = ("smooth", "textured", "constant", "saturated")


def grey_image(
    kind: str, height: int, width: int, rng: np.random.Generator
) -> np.ndarray:
    """One image of a kind, uint8 of shape `(height, width)`."""
    if kind == "textured":
        return rng.integers(0, 256, (height, width), dtype=np.uint8)
    if kind == "constant":
        return np.full((height, width), rng.integers(0, 256), np.uint8)
    if kind == "saturated":
        noise = rng.normal(128, 300, (height, width))
        return np.clip(noise, 0, 255).astype(np.uint8)
    field = ndimage.gaussian_filter(rng.standard_normal((height, width)), 12)
    return np.rint(255 * (field - field.min()) / np.ptp(field)).astype(np.uint8)


def assert_same_pixels(found: object, expected: list[np.ndarray]) -> None:
    """At least 99.9 % equal, none off by more than one grey level."""
    pixels = keras.ops.convert_to_numpy(found).astype(int)
    assert pixels.shape[-1] == 1
    difference = np.abs(pixels[..., 0] - np.stack(expected).astype(int))
    assert difference.max() <= 1
    assert (difference == 0).mean() >= 0.999


def opencv(image: np.ndarray, clip_limit: float, tiles: tuple[int, int]) -> np.ndarray:
    return cv2.createCLAHE(clip_limit, (tiles[1], tiles[0])).apply(image)


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_equal_opencv_over_sizes_tiles_and_limits(kind):
    rng = np.random.default_rng(KINDS.index(kind))
    for number in range(21):
        height, width = rng.integers(32, 301, 2)
        tiles = (int(rng.integers(1, 9)), int(rng.integers(1, 9)))
        limit = CLIP_LIMITS[number % len(CLIP_LIMITS)]
        image = grey_image(kind, height, width, rng)
        found = CLAHE(limit, tiles)(image[None, ..., None])
        assert_same_pixels(found, [opencv(image, limit, tiles)])


@pytest.mark.parametrize("size", [(64, 64), (64, 65), (65, 64), (63, 57), (224, 224)])
def test_pixels_equal_opencv_whether_none_one_or_both_axes_are_divisible(size):
    rng = np.random.default_rng(5)
    images = np.stack([grey_image("smooth", *size, rng) for _ in range(3)])
    found = CLAHE()(images[..., None])
    assert_same_pixels(found, [opencv(image, 2.0, (8, 8)) for image in images])


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3), (5, 40)])
def test_images_smaller_than_the_tile_grid_equal_opencv(size):
    image = grey_image("textured", *size, np.random.default_rng(6))
    found = CLAHE()(image[None, ..., None])
    assert_same_pixels(found, [opencv(image, 2.0, (8, 8))])


@pytest.mark.parametrize(
    "signature", [(None, None, None, 1), (None, 48, None, 1), (2, None, 48, 1)]
)
def test_sizes_unknown_while_tracing_give_the_same_pixels(signature):
    layer = CLAHE(2.3, (3, 5))
    graph = tf.function(layer, input_signature=[tf.TensorSpec(signature, tf.uint8)])
    rng = np.random.default_rng(7)
    for size in ((48, 48), (48, 45), (33, 60), (101, 70)):
        height, width = (
            known or wanted for known, wanted in zip(signature[1:3], size, strict=True)
        )
        images = np.stack([grey_image("smooth", height, width, rng) for _ in range(2)])
        expected = [opencv(image, 2.3, (3, 5)) for image in images]
        assert_same_pixels(graph(tf.constant(images[..., None])), expected)


def test_a_limit_just_below_a_whole_number_is_cut_as_in_float64():
    # 2.8 * 5760 / 256 is 62.99999999999999 in float64, which OpenCV uses: a bin holds
    # 62. In float32 it would be 63, and every fifth pixel another.
    image = grey_image("smooth", 90, 64, np.random.default_rng(8))
    expected = [opencv(image, 2.8, (1, 1))]
    layer = CLAHE(2.8, (1, 1))
    assert_same_pixels(layer(image[None, ..., None]), expected)
    spec = [tf.TensorSpec((None, None, None, 1), tf.uint8)]
    graph = tf.function(layer, input_signature=spec)
    assert_same_pixels(graph(tf.constant(image[None, ..., None])), expected)


def test_floats_are_rounded_and_clipped_to_grey_levels():
    image = grey_image("textured", 40, 40, np.random.default_rng(9))[None, ..., None]
    layer = CLAHE(tiles=(2, 2))
    expected = layer(image)
    jitter = np.where(image % 2, 0.4, -0.4)
    np.testing.assert_array_equal(layer(image.astype("float32") + jitter), expected)
    beyond = np.where(image == 255, 300.0, np.where(image == 0, -20.0, image))
    np.testing.assert_array_equal(layer(beyond.astype("float32")), expected)


def test_each_image_of_a_batch_is_equalised_by_itself():
    rng = np.random.default_rng(10)
    images = np.stack([grey_image(kind, 50, 40, rng) for kind in KINDS])[..., None]
    together = keras.ops.convert_to_numpy(CLAHE()(images))
    alone = [keras.ops.convert_to_numpy(CLAHE()(image[None]))[0] for image in images]
    np.testing.assert_array_equal(together, np.stack(alone))


def test_contract():
    # Floats, as uint8 would hide what a mixed policy's autocasting does.
    rng = np.random.default_rng(11)
    images = rng.integers(0, 256, (2, 36, 45, 1)).astype("float32")
    run_layer_test(
        CLAHE,
        {"clip_limit": 3.0, "tiles": (3, 2)},
        images.shape,
        input_data=images,
        output_shape=images.shape,
        dynamic_axes=(1, 2),
        half_tolerance=0.0,
    )


@pytest.mark.parametrize("clip_limit", [-0.1, float("nan"), float("inf"), "2", None])
def test_an_unusable_clip_limit_is_refused(clip_limit):
    with pytest.raises(ValueError, match=r"`clip_limit`.*Received"):
        CLAHE(clip_limit)


@pytest.mark.parametrize("tiles", [8, (8,), (0, 8), (8, 2.5), "88"])
def test_unusable_tiles_are_refused(tiles):
    with pytest.raises(ValueError, match=r"`tiles`.*Received"):
        CLAHE(tiles=tiles)


@pytest.mark.parametrize("shape", [(1, 40, 40, 3), (1, 40, 40), (40, 40)])
def test_images_that_are_not_grey_are_refused(shape):
    with pytest.raises(ValueError, match=r"grey images.*Received"):
        CLAHE()(np.zeros(shape, np.uint8))


def test_resizing_then_equalising_equals_the_imaging_functions():
    rng = np.random.default_rng(12)
    sizes = [(32, 32), (60, 60), (149, 301), (224, 224), (448, 448), (97, 150)]
    for number, size in enumerate(sizes):
        image = grey_image(KINDS[number % 2], *size, rng)
        found = CLAHE()(Resize2D(224, 224)(image[None, ..., None]))
        assert_same_pixels(found, [clahe(resize(image, (224, 224)))])


@pytest.mark.shared_data
def test_real_patches_come_out_as_the_imaging_functions_give_them(shared_data: Path):
    files = sorted((shared_data / "microcalc-patches").rglob("*.pgm"))
    assert files, "the folder holds no patch"
    patches = [
        cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        for file in files[:: max(len(files) // 16, 1)]
    ]
    layers = keras.Sequential([Resize2D(224, 224), CLAHE()])
    for patch in patches:
        expected = clahe(resize(patch, (224, 224)))
        assert_same_pixels(layers(patch[None, ..., None]), [expected])


def test_an_exported_model_gives_the_same_pixels_without_this_package(tmp_path):
    inputs = keras.Input((None, None, 1), dtype="uint8")
    model = keras.Model(inputs, CLAHE()(Resize2D(64, 96)(inputs)))
    spec = tf.TensorSpec((None, None, None, 1), tf.uint8)
    model.export(tmp_path / "model", input_signature=[spec], verbose=False)

    rng = np.random.default_rng(13)
    sizes = [(32, 32), (128, 192), (50, 300), (64, 96), (201, 77)]
    batches = {
        f"{height}x{width}": np.stack(
            [grey_image(kind, height, width, rng) for kind in KINDS[: 2 + height % 2]]
        )
        for height, width in sizes
    }
    np.savez(tmp_path / "in.npz", **batches)
    script = textwrap.dedent(
        """
        import sys
        sys.modules["keras_wa"] = None  # from here on an import of it fails
        import numpy as np
        import tensorflow as tf
        serve = tf.saved_model.load("model").serve
        found = {
            name: serve(tf.constant(images[..., None])).numpy()
            for name, images in np.load("in.npz").items()
        }
        np.savez("out.npz", **found)
        """
    )
    python("-c", script, cwd=tmp_path)
    with np.load(tmp_path / "out.npz") as outputs:
        assert set(outputs) == set(batches)
        for name, images in batches.items():
            expected = [clahe(resize(image, (64, 96))) for image in images]
            assert_same_pixels(outputs[name], expected)
