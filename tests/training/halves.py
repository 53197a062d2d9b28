"""A batch in two halves, whose normalisation is that of the whole."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

IMAGES = np.random.default_rng(2).normal(30.0, 2.0, (8, 6, 5, 3)).astype("float32")
WEIGHTS = np.random.default_rng(3).normal(size=(8, 6, 5, 3)).astype("float32")


def normalizer() -> keras.Model:
    """Batch normalisation of a feature map."""
    inputs = keras.Input((6, 5, 3))
    layer = keras.layers.BatchNormalization(momentum=0.7)
    model = keras.Model(inputs, layer(inputs))
    weights = [[0.5, 1.0, 2.0], [0.1, 0.2, 0.3], [1.0] * 3, [3.0] * 3]
    layer.set_weights([np.array(each, "float32") for each in weights])
    return model


def derivatives(model: keras.Model, images: Any, weights: Any) -> list[Any]:
    """Outputs in training, and gradients of a weighted sum by inputs and weights."""
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = model(images, training=True)
        loss = tf.reduce_sum(outputs * weights)
    sources = [images, *(each.value for each in model.trainable_variables)]
    return [outputs, *tape.gradient(loss, sources)]


def normalized(model: keras.Model, part: slice) -> list[np.ndarray]:
    """Outputs, gradients by inputs and by weights of a sum, moving averages."""
    images = tf.constant(IMAGES[part])
    found = tf.function(derivatives)(model, images, WEIGHTS[part])
    averages = [each.value for each in model.non_trainable_variables]
    return [np.asarray(each) for each in (*found, *averages)]


def assert_halves_are_whole(halves: list[list[np.ndarray]]) -> None:
    """What `normalized` gives for two halves of the images is that of all of them."""
    whole = normalized(normalizer(), slice(None))
    outputs, by_inputs = (
        np.concatenate([half[i] for half in halves]) for i in range(2)
    )
    by_weights = [np.add(*(half[i] for half in halves)) for i in (2, 3)]
    found = [outputs, by_inputs, *by_weights, *halves[0][4:]]
    assert len(found) == len(whole) == 6
    for part, expected in zip(found, whole, strict=True):
        np.testing.assert_allclose(part, expected, rtol=2e-5, atol=2e-5)
    for first, second in zip(halves[0][4:], halves[1][4:], strict=True):
        np.testing.assert_array_equal(first, second)
