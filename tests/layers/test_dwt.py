"""Tests of the wavelet transform against PyWavelets."""

from __future__ import annotations

import itertools
import warnings

import keras
import numpy as np
import pytest
import pywt
import tensorflow as tf

from keras_wa.errors import UserError
from keras_wa.layers import DWT2D
from keras_wa.layers.wavelets import MODES
from keras_wa.testing import run_layer_test

# One of each family, the shortest and the longest, even and odd halves.
SAMPLE = ("haar", "db2", "db3", "sym5", "coif1", "coif17", "bior3.1", "rbio2.6")


def pywavelets(images: np.ndarray, wavelet: str, mode: str, levels: int = 1):
    """What DWT2D should give for `(batch, height, width, channels)`, in float64."""
    images = images.astype("float64")
    with warnings.catch_warnings():
        # Small images are tested on purpose.
        warnings.filterwarnings("ignore", "Level value", UserWarning)
        low, *details = pywt.wavedec2(images, wavelet, mode, levels, axes=(1, 2))
    deepest = np.concatenate([low, *details[0]], axis=-1)
    finer = [np.concatenate(bands, axis=-1) for bands in details[1:]]
    return [deepest, *finer] if levels > 1 else deepest


def images(*shape: int, seed: int = 0) -> np.ndarray:
    """Noise in [0, 1], float32."""
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def largest_error(found, expected) -> float:
    found = keras.ops.convert_to_numpy(found)
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max())


@pytest.mark.parametrize("mode", MODES)
def test_every_wavelet_matches_pywavelets(mode):
    # Another pair of odd and even sizes for each wavelet, and for it in each mode.
    sizes = itertools.cycle([(13, 16), (16, 16), (16, 13), (13, 13)])
    sizes = itertools.islice(sizes, MODES.index(mode), None)
    errors = {}
    for wavelet, size in zip(pywt.wavelist(kind="discrete"), sizes, strict=False):
        x = images(1, *size, 2)
        expected = pywavelets(x, wavelet, mode)
        errors[wavelet] = largest_error(DWT2D(wavelet, mode)(x), expected)
    assert len(errors) == len(pywt.wavelist(kind="discrete"))
    assert {name: error for name, error in errors.items() if error > 1e-5} == {}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("wavelet", SAMPLE)
def test_sizes_and_channels_match_pywavelets(wavelet, mode):
    # Shorter than most of these filters, and odd in each direction.
    sizes = [(2, 2), (3, 2), (2, 7), (5, 9), (40, 8)]
    for channels, (height, width) in enumerate(sizes, start=1):
        x = images(2, height, width, channels)
        expected = pywavelets(x, wavelet, mode)
        assert largest_error(DWT2D(wavelet, mode)(x), expected) <= 1e-5


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("wavelet", ["haar", "db3", "bior4.4"])
def test_levels_match_pywavelets_coarsest_first(wavelet, mode):
    x = images(2, 37, 50, 2)
    found = DWT2D(wavelet, mode, levels=3)(x)
    expected = pywavelets(x, wavelet, mode, levels=3)
    assert isinstance(found, list)
    assert [tensor.shape[-1] for tensor in found] == [8, 6, 6]
    for tensor, reference in zip(found, expected, strict=True):
        # Three levels of gain 2.
        assert largest_error(tensor, reference) <= 1e-5


def test_the_subbands_are_ll_lh_hl_hh():
    rows = np.zeros((1, 8, 8, 1), np.float32)
    rows[:, ::2] = 1.0
    columns = rows.transpose(0, 2, 1, 3)
    checks = rows + columns - 2 * rows * columns
    flat = np.ones_like(rows)
    bands = [
        np.abs(DWT2D()(image)).sum(axis=(0, 1, 2)) > 1e-6
        for image in (flat, rows, columns, checks)
    ]
    # Every pattern but `flat` has a mean too.
    ll, lh, hl, hh = np.eye(4, dtype=bool)
    np.testing.assert_array_equal(bands, [ll, ll | lh, ll | hl, ll | hh])


def test_channels_are_transformed_alone_and_stacked_by_band():
    x = images(2, 10, 12, 3)
    together = keras.ops.convert_to_numpy(DWT2D("db2")(x))
    for channel in range(3):
        alone = DWT2D("db2")(x[..., channel : channel + 1])
        np.testing.assert_array_equal(together[..., channel::3], alone)


@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("mode", MODES)
def test_channels_first_equals_channels_last(mode, levels):
    x = images(2, 9, 14, 3)
    last = DWT2D("db2", mode, levels, data_format="channels_last")(x)
    layer = DWT2D("db2", mode, levels, data_format="channels_first")
    first = layer(np.moveaxis(x, 3, 1))
    for one, other in zip(
        keras.tree.flatten(first), keras.tree.flatten(last), strict=True
    ):
        moved = np.moveaxis(keras.ops.convert_to_numpy(one), 1, 3)
        np.testing.assert_array_equal(moved, other)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("wavelet", ["haar", "db3"])
def test_unknown_sizes_give_the_same_numbers_as_known_ones(wavelet, mode):
    layer = DWT2D(wavelet, mode, levels=2)
    traced = tf.function(
        layer, input_signature=[tf.TensorSpec((None, None, None, 2), "float32")]
    )
    for height, width in [(8, 8), (9, 8), (6, 11), (3, 2)]:
        x = images(2, height, width, 2)
        for found, expected in zip(traced(x), layer(x), strict=True):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("wavelet", ["haar", "db3", "bior2.2"])
def test_the_gradient_is_the_transposed_matrix_of_pywavelets(wavelet, mode):
    height, width = 5, 6
    impulses = np.eye(height * width).reshape(-1, height, width, 1)
    matrix = pywavelets(impulses, wavelet, mode).reshape(height * width, -1)
    layer = DWT2D(wavelet, mode, dtype="float64")
    variable = tf.Variable(images(1, height, width, 1).astype("float64"))
    with tf.GradientTape() as tape:
        bands = layer(variable)
        cotangent = np.random.default_rng(1).standard_normal(bands.shape)
        objective = tf.reduce_sum(bands * cotangent)
    gradient = tape.gradient(objective, variable)
    np.testing.assert_allclose(
        np.ravel(gradient), matrix @ cotangent.ravel(), atol=1e-12
    )


@pytest.mark.parametrize("wavelet", ["haar", "db4", "bior2.2"])
def test_a_second_library_agrees(wavelet):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = pytest.importorskip("tensorflow_wavelets.Layers.DWT")
        x = images(2, 16, 17, 1)
        expected = other.DWT(wavelet, concat=0)(x).numpy()
    assert largest_error(DWT2D(wavelet)(x), expected) <= 1e-5


def test_haar_halves_an_even_image_without_reading_beyond_its_border():
    x = images(1, 8, 8, 1)
    bands = [keras.ops.convert_to_numpy(DWT2D("haar", mode)(x)) for mode in MODES]
    assert bands[0].shape == (1, 4, 4, 4)
    for other in bands[1:]:
        np.testing.assert_array_equal(bands[0], other)


def test_integer_images_are_taken_as_numbers():
    x = np.random.default_rng(0).integers(0, 256, (2, 8, 9, 1), dtype=np.uint8)
    found = DWT2D("db2")(x)
    assert found.dtype == "float32"
    assert largest_error(found, pywavelets(x, "db2", "symmetric")) <= 255 * 1e-5


def test_an_orthogonal_transform_keeps_the_energy_in_float64():
    x = np.random.default_rng(0).standard_normal((1, 16, 16, 1))
    bands = DWT2D("db4", "periodization", dtype="float64")(x)
    np.testing.assert_allclose(np.sum(np.square(bands)), np.sum(x**2), rtol=1e-9)


@pytest.mark.parametrize("levels", [0, -1])
def test_fewer_than_one_level_is_refused(levels):
    with pytest.raises(ValueError, match=f"Received: {levels}"):
        DWT2D(levels=levels)


def test_an_unknown_wavelet_or_mode_is_the_users_mistake():
    with pytest.raises(UserError, match="wavelet"):
        DWT2D("harr")
    with pytest.raises(UserError, match="mode"):
        DWT2D(mode="mirror")


@pytest.mark.parametrize(
    ("kwargs", "output_shape"),
    [
        ({}, (4, 8, 7, 12)),
        (
            {"wavelet": "bior2.2", "mode": "periodization", "levels": 2},
            [(4, 4, 4, 12), (4, 8, 7, 9)],
        ),
    ],
)
def test_contract(kwargs, output_shape):
    run_layer_test(
        DWT2D,
        kwargs,
        (4, 16, 13, 3),
        output_shape=output_shape,
        dynamic_axes=(1, 2),
    )


def test_contract_with_channels_first():
    run_layer_test(
        DWT2D,
        {"wavelet": "db2", "mode": "zero", "data_format": "channels_first"},
        (4, 3, 16, 13),
        output_shape=(4, 12, 9, 8),
        dynamic_axes=(2, 3),
    )
