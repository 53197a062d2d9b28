"""Tests of the inverse wavelet transform: it rebuilds, and it is PyWavelets'."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
import pywt
import tensorflow as tf

from keras_wa.errors import UserError
from keras_wa.layers import DWT2D, IDWT2D
from keras_wa.layers.wavelets import MODES
from keras_wa.testing import run_layer_test
from tests.layers.test_dwt import images

# PyWavelets' filters of the discrete Meyer wavelet are truncated: they do not rebuild.
REBUILDING = [name for name in pywt.wavelist(kind="discrete") if name != "dmey"]


def numpy_of(tensors):
    return keras.tree.map_structure(keras.ops.convert_to_numpy, tensors)


def crop_for(shape: tuple[int, ...]) -> tuple[int, int]:
    return shape[1] % 2, shape[2] % 2


@pytest.mark.parametrize("modes", [("periodization",), MODES[:3]])
def test_every_wavelet_rebuilds_the_image(modes):
    # The inverse knows periodization and the rest: of the rest each wavelet meets one.
    sizes = itertools.product([13, 16], repeat=2)
    cases = itertools.cycle(itertools.product(sizes, modes))
    errors = {}
    for wavelet, (size, mode) in zip(REBUILDING, cases, strict=False):
        x = images(1, *size, 2)
        inverse = IDWT2D(wavelet, mode, crop=crop_for(x.shape))
        rebuilt = numpy_of(inverse(DWT2D(wavelet, mode)(x)))
        assert rebuilt.shape == x.shape
        errors[wavelet] = np.abs(rebuilt - x).max()
    assert len(errors) == len(REBUILDING)
    assert {name: error for name, error in errors.items() if error > 1e-5} == {}


@pytest.mark.parametrize("mode", MODES)
def test_the_meyer_wavelet_rebuilds_as_far_as_pywavelets_does(mode):
    x = images(1, 24, 24, 1)
    bands = pywt.dwt2(x[0, ..., 0].astype("float64"), "dmey", mode)
    expected = pywt.idwt2(bands, "dmey", mode)
    rebuilt = numpy_of(IDWT2D("dmey", mode)(DWT2D("dmey", mode)(x)))[0, ..., 0]
    assert np.abs(rebuilt - expected).max() <= 1e-5
    assert 1e-3 < np.abs(rebuilt - x[0, ..., 0]).max() < 1e-2


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("wavelet", ["haar", "db2", "db3", "bior3.1", "sym8", "coif17"])
def test_any_subbands_match_pywavelets(wavelet, mode):
    # Bands that no image has: nothing hides in the inverse of the forward transform.
    taps = pywt.Wavelet(wavelet).dec_len
    for height, width in [(taps // 2, taps // 2 + 1), (taps // 2 + 4, taps // 2)]:
        bands = images(2, height, width, 8)
        low, *details = np.split(bands.astype("float64"), 4, axis=-1)
        expected = pywt.idwt2((low, details), wavelet, mode, axes=(1, 2))
        found = numpy_of(IDWT2D(wavelet, mode)(bands))
        assert found.shape == expected.shape
        # The filters of bior3.1 have gains up to 4.
        assert np.abs(found - expected).max() <= 1e-5


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("wavelet", ["haar", "db3", "bior4.4"])
@pytest.mark.parametrize("size", [(37, 50), (16, 9), (3, 2)])
def test_levels_rebuild_the_image(wavelet, mode, size):
    x = images(2, *size, 2)
    inverse = IDWT2D(wavelet, mode, crop=crop_for(x.shape))
    rebuilt = numpy_of(inverse(DWT2D(wavelet, mode, levels=3)(x)))
    assert rebuilt.shape == x.shape
    assert np.abs(rebuilt - x).max() <= 1e-5


def test_without_crop_an_odd_image_gets_the_row_that_pywavelets_adds():
    x = images(1, 7, 8, 1)
    rebuilt = numpy_of(IDWT2D()(DWT2D()(x)))[0, ..., 0]
    expected = pywt.idwt2(pywt.dwt2(x[0, ..., 0], "haar"), "haar")
    assert rebuilt.shape == (8, 8)
    np.testing.assert_allclose(rebuilt, expected, atol=1e-6)


@pytest.mark.parametrize("levels", [1, 2])
def test_channels_first_equals_channels_last(levels):
    x = images(2, 9, 14, 3)
    bands = DWT2D("db2", levels=levels)(x)
    last = IDWT2D("db2", crop=(1, 0), data_format="channels_last")(bands)
    first = IDWT2D("db2", crop=(1, 0), data_format="channels_first")(
        keras.tree.map_structure(lambda t: keras.ops.moveaxis(t, 3, 1), bands)
    )
    np.testing.assert_array_equal(np.moveaxis(numpy_of(first), 1, 3), last)


@pytest.mark.parametrize("mode", MODES)
def test_unknown_sizes_rebuild_the_image(mode):
    dwt, idwt = DWT2D("db2", mode, levels=2), IDWT2D("db2", mode, crop=(1, 0))
    traced = tf.function(
        lambda x: idwt(dwt(x)),
        input_signature=[tf.TensorSpec((None, None, None, 1), "float32")],
    )
    for height, width in [(9, 8), (7, 12), (3, 2)]:
        x = images(1, height, width, 1)
        assert np.abs(traced(x).numpy() - x).max() <= 1e-5


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("wavelet", ["haar", "db3", "bior2.2"])
def test_the_gradient_is_the_transposed_matrix_of_pywavelets(wavelet, mode):
    shape = (4, 5, 4)
    impulses = np.eye(np.prod(shape)).reshape(-1, *shape)
    low, *details = np.split(impulses, 4, axis=-1)
    rebuilt = pywt.idwt2((low, details), wavelet, mode, axes=(1, 2))
    matrix = rebuilt.reshape(len(impulses), -1)
    variable = tf.Variable(images(1, *shape).astype("float64"))
    with tf.GradientTape() as tape:
        image = IDWT2D(wavelet, mode, dtype="float64")(variable)
        cotangent = np.random.default_rng(1).standard_normal(image.shape)
        objective = tf.reduce_sum(image * cotangent)
    gradient = tape.gradient(objective, variable)
    np.testing.assert_allclose(
        np.ravel(gradient), matrix @ cotangent.ravel(), atol=1e-12
    )


def test_an_autoencoder_of_both_layers_saves_and_loads(tmp_path):
    inputs = keras.Input((13, 10, 2))
    bands = DWT2D("db2", "reflect", levels=2)(inputs)
    model = keras.Model(inputs, IDWT2D("db2", "reflect", crop=(1, 0))(bands))
    assert model.output_shape == (None, 13, 10, 2)
    model.save(tmp_path / "model.keras")
    x = images(3, 13, 10, 2)
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict_on_batch(x), x, atol=1e-5)


@pytest.mark.parametrize("crop", [(2, 0), (0, -1), (1,), (0, 0, 1)])
def test_an_impossible_crop_is_refused(crop):
    with pytest.raises(ValueError, match=r"crop must be two of 0 and 1\."):
        IDWT2D(crop=crop)


@pytest.mark.parametrize(
    "shapes",
    [
        (1, 4, 4, 6),  # Not four bands.
        (1, 4, 1, 4),  # Fewer columns than any image has in this transform.
        [(1, 4, 4, 4), (1, 6, 6, 4)],  # Four bands of detail.
        [(1, 4, 4, 4), (1, 6, 6, 6)],  # The details of two channels, not of one.
        [(1, 4, 4, 4), (1, 6, 4, 3)],  # Details two columns short.
        [(1, 4, 4, 4), (1, 7, 6, 3)],  # Details of another image.
    ],
)
def test_subbands_that_do_not_belong_together_are_refused(shapes):
    inputs = keras.tree.map_shape_structure(np.zeros, shapes)
    with pytest.raises(ValueError, match=r"not the subbands .*'db2'.* Received shapes"):
        IDWT2D("db2")(inputs)


def test_an_unknown_wavelet_or_mode_is_the_users_mistake():
    with pytest.raises(UserError, match="wavelet"):
        IDWT2D("harr")
    with pytest.raises(UserError, match="mode"):
        IDWT2D(mode="mirror")


@pytest.mark.parametrize(
    ("kwargs", "input_shape", "output_shape", "dynamic_axes"),
    [
        (
            {"wavelet": "db3", "mode": "zero", "crop": (0, 1)},
            [(4, 6, 6, 8), (4, 8, 7, 6)],
            (4, 12, 9, 2),
            (1, 2),
        ),
        (
            {
                "wavelet": "bior2.2",
                "mode": "periodization",
                "data_format": "channels_first",
            },
            (4, 8, 5, 6),
            (4, 2, 10, 12),
            (2, 3),
        ),
    ],
)
def test_contract(kwargs, input_shape, output_shape, dynamic_axes):
    run_layer_test(
        IDWT2D,
        kwargs,
        input_shape,
        output_shape=output_shape,
        dynamic_axes=dynamic_axes,
    )
