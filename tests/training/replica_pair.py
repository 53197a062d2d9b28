"""A process with two logical CPUs that trains on both; prints what it saw as JSON.

python -m tests.training.replica_pair FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from keras_wa.cli import main as keras_wa
from keras_wa.data.pipeline.batches import evaluation_batches
from keras_wa.data.pipeline.rois import Rois
from keras_wa.layers import DWT2D, SubbandNormalization
from keras_wa.models import register_model
from keras_wa.training.fused import fuse_batch_normalization
from keras_wa.training.optimizer import FusedAdam
from keras_wa.training.replicas import share_overflow
from tests.tiny_model import flags
from tests.training.halves import IMAGES, WEIGHTS, derivatives, normalizer

SETTINGS: dict[str, Any] = {
    "model": "normalised",
    "epochs": 4,  # of 6 steps
    "class_weights": True,
    "optimizer": "adamw",
    "ema": 0.8,
    "trunk_rate": 0.5,
    "weights": "there",
}


def normalised(*, image_size: int = 32, weights: str = "none") -> keras.Model:
    """Both kinds of normalisation, and nothing that draws noise."""
    inputs = keras.Input((image_size, image_size, 1), name="roi")
    x = SubbandNormalization()(DWT2D(name="dwt")(inputs))
    x = layers.Conv2D(8, 3, strides=2, use_bias=False, name="conv")(x)
    # Smooth: rounding alone can take a value over the edge of a ReLU.
    x = layers.Activation("tanh")(layers.BatchNormalization(momentum=0.8)(x))
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(2, activation="softmax")(x)
    model = keras.Model(inputs, outputs, name="normalised")
    if weights != "none":
        model.pretrained_layers = ("conv",)
    return model


def two_replicas() -> tf.distribute.Strategy:
    """Not by collective ops, which the runs below need: a process has them once."""
    return tf.distribute.MirroredStrategy(
        ["cpu:0", "cpu:1"], tf.distribute.ReductionToOneDevice()
    )


def normalized_halves(strategy: tf.distribute.Strategy) -> list[list[Any]]:
    """What `halves.normalized` gives for each replica's half of the images."""
    with strategy.scope():
        model = normalizer()
        fuse_batch_normalization(model)

    @tf.function
    def run() -> Any:
        return strategy.run(half)

    def half() -> list[tf.Tensor]:
        first = 4 * tf.distribute.get_replica_context().replica_id_in_sync_group
        images, weights = tf.constant(IMAGES), tf.constant(WEIGHTS)
        part = slice(first, first + 4)
        return derivatives(model, images[part], weights[part])

    found = [*run(), *(each.value for each in model.non_trainable_variables)]
    pairs = [strategy.experimental_local_results(each) for each in found]
    return [[np.asarray(pair[i]).tolist() for pair in pairs] for i in range(2)]


def steps_after_overflow(strategy: tf.distribute.Strategy, row: int) -> dict[str, Any]:
    """Two steps in half precision, the first with an overflow in one row of four."""
    keras.config.set_dtype_policy("mixed_float16")
    try:
        with strategy.scope():
            inputs = keras.Input((3,))
            hidden = layers.Dense(4, kernel_initializer="ones")(inputs)
            outputs = layers.Dense(2, activation="softmax", dtype="float32")(hidden)
            model = keras.Model(inputs, outputs)
            model.compile(FusedAdam(0.01), "categorical_crossentropy")
            share_overflow(model.optimizer)
            model.optimizer.build(model.trainable_variables)
    finally:
        keras.config.set_dtype_policy("float32")
    images, labels = np.ones((8, 3), "float32"), np.eye(2, dtype="float32")[[0, 1] * 4]
    weights = np.ones(8, "float32")
    weights[row] = 1e30
    model.fit(images, labels, 4, shuffle=False, sample_weight=weights, verbose=0)
    return {
        "finite": all(np.isfinite(weight.numpy()).all() for weight in model.weights),
        "steps": int(model.optimizer.iterations.numpy()),
    }


def main(folder: Path) -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, two)
    strategy = two_replicas()
    seen: dict[str, Any] = {"normalized": normalized_halves(strategy)}
    seen["overflow"] = [steps_after_overflow(strategy, row) for row in (0, 3)]

    register_model(source="tests")(normalised)
    for name in ("one-device", "mirrored"):
        run, store = folder / name, folder / "store"
        words = flags(run_dir=run, store_dir=store, strategy=name, **SETTINGS)
        assert keras_wa(["train", *words]) == 0
    assert keras_wa(["train", *words, "--resume"]) == 0, "restored"
    assert keras_wa(["evaluate", str(run), "--split", "val"]) == 0

    pixels = np.random.default_rng(4).integers(0, 256, (33, 32, 32), "uint8")
    seen["outputs"] = {}
    for count in (33, 1):  # The last batch is a single ROI.
        rois = Rois(lambda at: pixels[at], np.zeros(count, int))
        with strategy.scope():
            shared = keras.models.load_model(run / "best.keras")
        alone = keras.models.load_model(run / "best.keras")
        seen["outputs"][count] = [
            model.predict(evaluation_batches(rois, 32), verbose=0).tolist()
            for model in (shared, alone)
        ]
    print(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
