"""Batch normalisation as one fused TensorFlow kernel, for training."""

from __future__ import annotations

import types
from typing import Any

import keras
import tensorflow as tf


def fuse_batch_normalization(model: keras.Model) -> None:
    """Makes a model's batch normalisation layers train with `FusedBatchNormV3`.

    Keras normalises in some ten operations over the feature map, forward and backward;
    the kernel does it in one each. What is computed stays the same, and so do the
    layers' class, weights and config: a model that is saved knows nothing of this.

    Args:
        model: a built model, changed in place. Layers over another axis than the last,
            or without scale and offset, stay as they are; so does what several replicas
            (a distribution strategy), a mask or a frozen layer ask for.
    """
    for layer in model.layers:
        if type(layer) is keras.layers.BatchNormalization and _fits(layer):
            layer.call = types.MethodType(_call, layer)


def _fits(layer: keras.layers.BatchNormalization) -> bool:
    rank = layer.input_spec.ndim
    return (
        rank == 4
        and layer.axis in (-1, rank - 1)
        and layer.scale
        and layer.center
        and not (layer.renorm or layer.synchronized)
    )


def _call(
    layer: keras.layers.BatchNormalization,
    inputs: Any,
    training: bool | None = None,
    mask: Any = None,
) -> Any:
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if not (training and layer.trainable) or mask is not None or replicas > 1:
        return type(layer).call(layer, inputs, training=training, mask=mask)
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=layer.gamma.value,
        offset=layer.beta.value,
        mean=[],
        variance=[],
        epsilon=layer.epsilon,
    )
    # The kernel divides by n - 1, for the variance of all images; Keras by n.
    count = tf.cast(tf.size(inputs) // inputs.shape[-1], variance.dtype)
    variance *= (count - 1) / count
    for moving, value in (
        (layer.moving_mean, mean),
        (layer.moving_variance, variance),
    ):
        moving.assign(moving * layer.momentum + value * (1.0 - layer.momentum))
    return outputs
