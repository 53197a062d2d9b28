"""Tests of subband normalisation."""

from __future__ import annotations

import keras
import numpy as np
import pywt

from keras_wa.layers import SubbandNormalization
from keras_wa.testing import run_layer_test


def subbands(rng: np.random.Generator) -> np.ndarray:
    """Haar subbands of a batch of smooth images in [0, 1] with a little grain."""
    slope = np.linspace(0, 1, 32)
    images = [
        0.4 + 0.3 * np.outer(slope, slope[::sign]) + rng.normal(0, 0.002, (32, 32))
        for sign in rng.choice([-1, 1], 8)
    ]
    bands = []
    for image in images:
        low, details = pywt.dwt2(image, "haar")
        bands.append(np.stack([low, *details], axis=-1))
    return np.stack(bands).astype("float32")


def test_training_standardises_every_subband():
    x = subbands(np.random.default_rng(0))
    assert x.std(axis=(0, 1, 2)).min() < 0.003 < 0.1 < x.std(axis=(0, 1, 2)).max()
    y = keras.ops.convert_to_numpy(SubbandNormalization()(x, training=True))
    np.testing.assert_allclose(y.mean(axis=(0, 1, 2)), 0, atol=1e-3)
    variance = x.astype("float64").var(axis=(0, 1, 2))
    np.testing.assert_allclose(
        y.std(axis=(0, 1, 2)), np.sqrt(variance / (variance + 1e-6)), rtol=1e-3
    )
    # Keras' own epsilon would leave the detail bands at a tenth of this.
    assert y.std(axis=(0, 1, 2)).min() > 0.8


def test_inference_does_as_training_after_few_steps():
    x = subbands(np.random.default_rng(1))
    layer = SubbandNormalization()
    for _ in range(80):
        trained = keras.ops.convert_to_numpy(layer(x, training=True))
    moving_mean, moving_variance = layer.get_weights()
    np.testing.assert_allclose(moving_mean, x.mean(axis=(0, 1, 2)), atol=1e-3)
    np.testing.assert_allclose(moving_variance, x.var(axis=(0, 1, 2)), rtol=0.1)
    inferred = keras.ops.convert_to_numpy(layer(x, training=False))
    assert np.abs(inferred - trained).max() < 0.05 * np.abs(trained).max()


def test_it_learns_nothing_but_its_statistics():
    layer = SubbandNormalization()
    layer.build((None, 8, 8, 4))
    assert layer.trainable_weights == []
    assert layer.count_params() == 2 * 4


def test_channels_first_equals_channels_last():
    x = subbands(np.random.default_rng(2))
    first = SubbandNormalization(axis=1)(np.moveaxis(x, 3, 1), training=True)
    moved = np.moveaxis(keras.ops.convert_to_numpy(first), 1, 3)
    np.testing.assert_allclose(
        moved, SubbandNormalization()(x, training=True), atol=1e-4
    )


def test_contract():
    run_layer_test(
        SubbandNormalization,
        {"momentum": 0.8, "epsilon": 1e-5},
        (4, 6, 5, 4),
        output_shape=(4, 6, 5, 4),
        dynamic_axes=(1, 2),
    )
