"""What is read are the gates that the network multiplies with, beside its outputs."""

from __future__ import annotations

import keras
import numpy as np

from keras_wa.layers import SqueezeExcite
from keras_wa.layers.gate_reader import GateReader
from tests.layers.test_squeeze_excite import equations


def test_outputs_and_gates_are_those_of_the_network() -> None:
    rng = np.random.default_rng(0)
    image = keras.Input((8, 8, 4))
    first = SqueezeExcite(2, name="first")
    second = SqueezeExcite(2, name="second")
    model = keras.Model(image, second(keras.layers.Dropout(0.9)(first(image))))
    weights = [rng.normal(size=each.shape) for each in first.get_weights()]
    first.set_weights(weights)
    x = rng.normal(size=(3, 8, 8, 4)).astype(np.float32)
    outputs, gates = GateReader(model)(x)
    np.testing.assert_array_equal(outputs, model(x, training=False))
    assert list(gates) == ["first", "second"]
    np.testing.assert_allclose(gates["first"], equations(x, weights)[0], atol=1e-5)


def test_a_network_without_gates_has_outputs() -> None:
    image = keras.Input((8, 8, 1))
    model = keras.Model(image, keras.layers.Flatten()(image))
    outputs, gates = GateReader(model)(np.ones((2, 8, 8, 1), np.float32))
    assert gates == {}
    assert outputs.shape == (2, 64)
