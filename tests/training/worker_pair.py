"""One of two processes that exchange numbers; prints what it saw as JSON.

TF_CONFIG=... python -m tests.training.worker_pair
"""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_wa.errors import UserError
from keras_wa.training.cluster import Cluster
from keras_wa.training.fused import fuse_batch_normalization
from keras_wa.training.workers import SharedLogs, Workers

IMAGES = np.random.default_rng(2).normal(30.0, 2.0, (8, 6, 5, 3)).astype("float32")
WEIGHTS = np.random.default_rng(3).normal(size=(8, 6, 5, 3)).astype("float32")


def normalizer(workers: Workers | None = None) -> keras.Model:
    """Batch normalisation of a feature map, shared by the workers if there are any."""
    inputs = keras.Input((6, 5, 3))
    layer = keras.layers.BatchNormalization(momentum=0.7)
    model = keras.Model(inputs, layer(inputs))
    weights = [[0.5, 1.0, 2.0], [0.1, 0.2, 0.3], [1.0] * 3, [3.0] * 3]
    layer.set_weights([np.array(each, "float32") for each in weights])
    if workers is not None:
        fuse_batch_normalization(model, workers)
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


def main() -> None:
    workers = Cluster.from_environment().join()
    seen: dict[str, Any] = {"index": workers.index, "count": workers.count}
    own = tf.constant([1.0 + workers.index, 4.0])
    seen["mean"] = workers.mean(own).numpy().tolist()
    many = [own, None, tf.constant([[2 * workers.index]], tf.float16)]
    means = workers.mean_of_all(many)
    seen["means"] = [None if m is None else np.asarray(m).tolist() for m in means]
    seen["dtypes"] = [None if m is None else m.dtype.name for m in means]

    half = slice(4 * workers.index, 4 * workers.index + 4)
    parts = normalized(normalizer(workers), half)
    seen["normalized"] = [part.tolist() for part in parts]

    logs = {"loss": float(workers.index), "accuracy": 0.5}
    callback = SharedLogs(workers)
    callback.on_train_batch_end(0, logs)
    seen["logs"] = logs
    broken = {"loss": float("nan") if workers.index else 1.0}
    callback.on_epoch_end(0, broken)
    seen["broken"] = bool(np.isnan(broken["loss"]))

    workers.require_same({"this": 2**53 - 1})
    try:
        numbers = {"another": 2**53 - 1 - workers.index, "a third": workers.index}
        workers.require_same({"one thing": 1, **numbers})
    except UserError as error:
        seen["error"] = str(error)
    workers.wait_to_leave()
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
