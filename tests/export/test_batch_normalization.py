"""A folded model gives what the model gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from keras_wa.export.batch_normalization import fold_batch_normalization
from keras_wa.models import create_model

IMAGES = np.random.default_rng(0).random((3, 32, 32, 1)).astype("float32")


def trained(model: keras.Model) -> keras.Model:
    """Weights as after a training: no scale is 1, no mean is 0."""
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            for weight in layer.weights:
                low = 0.5 if "var" in weight.name or "gamma" in weight.name else -0.2
                weight.assign(rng.uniform(low, low + 1.0, weight.shape))
    return model


def kinds(model: keras.Model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


def test_wa_resnet50_keeps_its_outputs_without_its_53_normalisations() -> None:
    keras.utils.set_random_seed(0)
    model = trained(create_model("wa_resnet50", image_size=32))
    before = [np.array(weight) for weight in model.weights]
    folded = fold_batch_normalization(model)
    assert kinds(model).count("BatchNormalization") == 53
    assert kinds(folded).count("BatchNormalization") == 0
    assert kinds(folded).count("SubbandNormalization") == 1
    np.testing.assert_allclose(folded(IMAGES), model(IMAGES), rtol=0, atol=1e-5)
    for old, weight in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, weight)


def _network(tail: Callable[[Any], Any]) -> keras.Model:
    inputs = keras.Input((32, 32, 1))
    return trained(keras.Model(inputs, tail(inputs)))


@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}])
@pytest.mark.parametrize("use_bias", [True, False])
def test_scale_offset_and_bias_may_be_absent(
    options: dict[str, bool], use_bias: bool
) -> None:
    conv = layers.Conv2D(4, 3, use_bias=use_bias, bias_initializer="ones")
    norm = layers.BatchNormalization(**options)
    model = _network(lambda x: norm(conv(x)))
    folded = fold_batch_normalization(model)
    assert kinds(folded) == ["InputLayer", "Conv2D"]
    np.testing.assert_allclose(folded(IMAGES), model(IMAGES), rtol=1e-5, atol=1e-6)


def _branched(x: Any) -> Any:
    x = layers.Conv2D(4, 3)(x)
    return layers.Add()([x, layers.BatchNormalization()(x)])


def _added(x: Any) -> Any:
    x = layers.Conv2D(4, 3)(x)
    return layers.BatchNormalization()(x) + x


def _twice(x: Any) -> Any:
    conv, norm = layers.Conv2D(1, 3, padding="same"), layers.BatchNormalization()
    return conv(norm(conv(x)))


@pytest.mark.parametrize(
    "tail",
    [
        lambda x: layers.BatchNormalization()(x),
        lambda x: layers.BatchNormalization()(
            layers.Conv2D(4, 3, activation="relu")(x)
        ),
        lambda x: layers.BatchNormalization(axis=1)(layers.Conv2D(4, 3)(x)),
        lambda x: layers.BatchNormalization()(layers.DepthwiseConv2D(3)(x)),
        _branched,
        _added,
        _twice,
    ],
    ids=["first", "activation", "axis", "depthwise", "branched", "added", "twice"],
)
def test_what_cannot_be_folded_stays(tail: Callable[[Any], Any]) -> None:
    model = _network(tail)
    folded = fold_batch_normalization(model)
    assert kinds(folded) == kinds(model)
    np.testing.assert_array_equal(folded(IMAGES), model(IMAGES))


def test_an_output_of_the_model_is_not_folded_away() -> None:
    inputs = keras.Input((32, 32, 1))
    features = layers.Conv2D(4, 3)(inputs)
    model = keras.Model(inputs, [features, layers.BatchNormalization()(features)])
    folded = fold_batch_normalization(trained(model))
    for found, expected in zip(folded(IMAGES), model(IMAGES), strict=True):
        np.testing.assert_array_equal(found, expected)
