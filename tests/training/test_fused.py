"""The fused batch normalisation is Keras' own, only faster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_wa.models import create_model
from keras_wa.training.fused import fuse_batch_normalization

SHAPES = [(4, 6, 5, 3), (1, 4, 4, 2), (2, 1, 1, 4), (16, 7, 7, 8)]


def normalizer(channels: int, fused: bool, **options: Any) -> keras.Model:
    """One layer of batch normalisation with weights that are not the first ones."""
    inputs = keras.Input((None, None, channels))
    layer = keras.layers.BatchNormalization(momentum=0.7, **options)
    model = keras.Model(inputs, layer(inputs))
    rng = np.random.default_rng(1)
    layer.set_weights([rng.uniform(0.5, 2.0, weight.shape) for weight in layer.weights])
    if fused:
        fuse_batch_normalization(model)
    return model


def step(model: keras.Model, images: Any, weights: Any) -> list[np.ndarray]:
    """Outputs, gradients of a weighted sum of them, and the weights after it."""
    images = tf.convert_to_tensor(images)

    @tf.function
    def run() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = model(images, training=True)
            loss = tf.reduce_sum(tf.cast(outputs, "float32") * weights)
        sources = [images, *(each.value for each in model.trainable_variables)]
        return outputs, tape.gradient(loss, sources)

    outputs, gradients = run()
    found = [outputs, *gradients, *model.weights]
    return [np.asarray(keras.ops.convert_to_numpy(each), "float64") for each in found]


@pytest.mark.parametrize("shape", SHAPES)
def test_outputs_gradients_and_moving_averages_are_keras_own(
    shape: tuple[int, ...],
) -> None:
    rng = np.random.default_rng(2)
    images = rng.normal(3.0, 2.0, shape).astype("float32")
    weights = rng.normal(size=shape).astype("float32")
    own, fused = (
        step(normalizer(shape[-1], flag), images, weights) for flag in (False, True)
    )
    assert len(own) == 8
    for expected, found in zip(own, fused, strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)


def test_it_is_the_kernel_that_runs_and_only_in_training() -> None:
    model = normalizer(3, fused=True)

    def kernels(training: bool) -> set[str]:
        run = tf.function(lambda x: model(x, training=training))
        graph = run.get_concrete_function(tf.TensorSpec((2, 4, 4, 3))).graph
        return {operation.type for operation in graph.get_operations()}

    assert "FusedBatchNormV3" in kernels(training=True)
    assert "FusedBatchNormV3" not in kernels(training=False)
    images = np.random.default_rng(3).normal(size=(2, 4, 4, 3)).astype("float32")
    np.testing.assert_array_equal(model(images), normalizer(3, fused=False)(images))


@pytest.mark.parametrize("change", ["axis", "scale", "center", "frozen"])
def test_layers_of_another_kind_stay_as_they_are(change: str) -> None:
    options = {
        "axis": {"axis": 1},
        "scale": {"scale": False},
        "center": {"center": False},
    }
    inputs = keras.Input((5, 4, 3))
    layer = keras.layers.BatchNormalization(**options.get(change, {}))
    model = keras.Model(inputs, layer(inputs))
    fuse_batch_normalization(model)
    layer.trainable = change != "frozen"
    before = [np.array(weight) for weight in layer.weights]
    images = np.random.default_rng(4).normal(size=(2, 5, 4, 3)).astype("float32")
    graph = tf.function(lambda: model(images, training=True)).get_concrete_function()
    names = {operation.type for operation in graph.graph.get_operations()}
    assert "FusedBatchNormV3" not in names
    if change == "frozen":
        model(images, training=True)
        for old, new in zip(before, layer.weights, strict=True):
            np.testing.assert_array_equal(old, new)


def test_half_precision_keeps_its_statistics_in_float32() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        own, fused = (normalizer(3, flag) for flag in (False, True))
        images = np.random.default_rng(5).normal(size=(8, 6, 6, 3)).astype("float32")
        outputs = [model(images, training=True) for model in (own, fused)]
    finally:
        keras.config.set_dtype_policy("float32")
    assert outputs[1].dtype == tf.bfloat16
    # One unit in the last place of bfloat16.
    np.testing.assert_allclose(
        *(np.asarray(each, "float32") for each in outputs), rtol=2**-7, atol=2**-7
    )
    for expected, found in zip(own.weights, fused.weights, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_saved_model_knows_nothing_of_it(tmp_path: Path) -> None:
    model = create_model("wa_resnet50", image_size=32)
    config = model.get_config()
    fuse_batch_normalization(model)
    assert model.get_config() == config
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    layer = loaded.get_layer("conv1_bn")
    assert type(layer) is keras.layers.BatchNormalization
    assert "call" not in vars(layer)
    assert "call" in vars(model.get_layer("conv1_bn"))
    images = np.random.default_rng(6).uniform(size=(2, 32, 32, 1)).astype("float32")
    np.testing.assert_array_equal(model(images), loaded(images))
