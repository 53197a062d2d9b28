"""Floating-point operations against counts by hand."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from keras_wa.training.flops import gflops


def count(inputs: keras.KerasTensor, outputs: keras.KerasTensor) -> int:
    return round(1e9 * gflops(keras.Model(inputs, outputs)))


def test_a_convolutional_network_counted_by_hand() -> None:
    x = inputs = keras.Input((16, 12, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same")(x)
    x = layers.Activation("relu")(x)
    x = layers.Flatten()(x)
    outputs = layers.Dense(5)(x)
    places = 8 * 6
    convolution = 2 * places * (3 * 3 * 3) * 8
    dense = 2 * (places * 8) * 5
    biases = places * 8 + 5
    assert count(inputs, outputs) == convolution + dense + biases


def test_attention_s_products_are_counted() -> None:
    tokens, width, heads = 10, 8, 2
    x = inputs = keras.Input((tokens, width))
    attended = layers.MultiHeadAttention(heads, width // heads, use_bias=False)(x, x)
    projections = 4 * 2 * tokens * width * width
    products = 2 * 2 * tokens * tokens * width
    softmax = heads * 5 * tokens * tokens
    scaling = heads * tokens * tokens
    wanted = projections + products + softmax + scaling
    assert count(inputs, attended) == wanted


def test_twice_the_side_is_four_times_the_work() -> None:
    def network(side: int) -> int:
        inputs = keras.Input((side, side, 1))
        return count(inputs, layers.Conv2D(4, 3, padding="same")(inputs))

    assert network(32) == 4 * network(16)


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    inputs = keras.Input((8, 8, 1))
    gflops(keras.Model(inputs, layers.Conv2D(4, 3)(inputs)))
    assert capfd.readouterr() == ("", "")
