"""Convolutions for a CPU give what Keras' convolutions give."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_wa.export.convolutions import ConstantConv2D, ProductConv2D, for_cpu
from keras_wa.export.folding import fold
from keras_wa.models import create_model

RNG = np.random.default_rng(0)


def with_weights(model: keras.Model) -> keras.Model:
    for weight in model.weights:
        weight.assign(RNG.normal(0, 0.3, weight.shape))
    return model


def one(side: int, **options: Any) -> keras.Model:
    """A convolution of three channels."""
    inputs = keras.Input((side, side + 1, 3))
    conv = layers.Conv2D(5, **options)
    return with_weights(keras.Model(inputs, conv(inputs)))


@pytest.mark.parametrize("side", [4, 9])
@pytest.mark.parametrize("strides", [1, 2, (2, 1)])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel_size", [1, 2, 3, (1, 3)])
def test_a_product_is_the_convolution(
    side: int, strides: Any, padding: str, kernel_size: Any
) -> None:
    options = {"strides": strides, "padding": padding, "kernel_size": kernel_size}
    model = one(side, **options)
    conv = model.layers[1]
    inputs = RNG.random((2, side, side + 1, 3)).astype("float32")
    for kind in (ProductConv2D, ConstantConv2D):
        other = kind.from_config(conv.get_config())
        other.build(inputs.shape)
        other.set_weights(conv.get_weights())
        found = tf.function(other)(tf.constant(inputs))
        np.testing.assert_allclose(found, model(inputs), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("options", [{"use_bias": False}, {"activation": "relu"}])
@pytest.mark.parametrize(("side", "kind"), [(3, ProductConv2D), (9, ConstantConv2D)])
def test_bias_and_activation_are_kept(
    side: int, kind: type, options: dict[str, Any]
) -> None:
    model = one(side, kernel_size=3, padding="same", **options)
    copy = for_cpu(model)
    assert type(copy.layers[1]) is kind
    inputs = RNG.normal(0, 1, (2, side, side + 1, 3)).astype("float32")
    np.testing.assert_allclose(copy(inputs), model(inputs), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"groups": 3, "filters": 3},
        {"dilation_rate": 2},
        {"dtype": "mixed_float16"},
        {"data_format": "channels_first"},
    ],
)
def test_other_convolutions_are_left_as_they_are(options: dict[str, Any]) -> None:
    inputs = keras.Input((9, 9, 3))
    conv = layers.Conv2D(**{"filters": 5, "kernel_size": 3, **options})
    model = keras.Model(inputs, conv(inputs))
    assert type(for_cpu(model).layers[1]) is layers.Conv2D


def test_one_that_is_called_twice_is_left_as_it_is() -> None:
    inputs = keras.Input((9, 9, 3))
    conv = layers.Conv2D(3, 3, padding="same")
    model = with_weights(keras.Model(inputs, conv(conv(inputs))))
    copy = for_cpu(model)
    assert type(copy.layers[1]) is layers.Conv2D
    images = RNG.random((2, 9, 9, 3)).astype("float32")
    np.testing.assert_allclose(copy(images), model(images), rtol=1e-5, atol=1e-5)


def test_wa_resnet50_keeps_its_outputs_and_few_constants() -> None:
    """At 224 px most kernels up to the fourth stage: 29 of 104 MB."""
    keras.utils.set_random_seed(0)
    model = fold(create_model("wa_resnet50"))
    copy = for_cpu(model)
    images = RNG.random((2, 224, 224, 1)).astype("float32")
    np.testing.assert_allclose(copy(images), model(images), rtol=0, atol=1e-5)
    constant = [each for each in copy.layers if isinstance(each, ConstantConv2D)]
    product = [each for each in copy.layers if isinstance(each, ProductConv2D)]
    assert (len(constant), len(product)) == (38, 15)
    assert sum(each.count_params() for each in constant) == 7_219_136


@pytest.mark.parametrize(("count", "kind"), [(6, ConstantConv2D), (7, layers.Conv2D)])
def test_a_network_with_too_many_constants_has_none(count: int, kind: type) -> None:
    inputs = x = keras.Input((8, 8, 512))
    for _ in range(count):  # Each has 2.36 million weights.
        x = layers.Conv2D(512, 3, padding="same", kernel_initializer="zeros")(x)
    x = layers.GlobalAveragePooling2D()(x)
    copy = for_cpu(keras.Model(inputs, layers.Dense(2)(x)))
    assert {type(each) for each in copy.layers[1:-2]} == {kind}
