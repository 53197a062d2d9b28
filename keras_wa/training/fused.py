"""Batch normalisation for training: one fused kernel, statistics of the whole batch."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from keras_wa.training.replicas import count_replicas, mean_of_replicas


def fuse_batch_normalization(model: keras.Model) -> None:
    """Makes a model's batch normalisation layers train with TensorFlow's fused kernel.

    Keras normalises in about ten operations over the feature map, forward and backward;
    the kernel needs one each. The results, and the layers' class, weights and config
    stay the same, so a saved model does not depend on this.

    If several replicas share a batch, the statistics are those of the whole batch, so
    the moving averages are the same in each of them. Keras' layer uses the statistics
    of each replica, unless it is `synchronized`.

    Args:
        model: a built model, changed in place; call this in the scope of its strategy.
            On one device, layers over an axis other than the last, or without scale and
            offset, are unchanged; so are calls with a mask and frozen layers.

    Raises:
        ValueError: the batch is shared, and a layer does not support that.
    """
    shared = count_replicas() > 1
    for layer in _layers(model):
        if not isinstance(layer, keras.layers.BatchNormalization):
            continue
        if shared:
            if not _on_last_axis(layer):
                raise ValueError(
                    "Replicas share batch normalisation over the last axis only, and "
                    f"without renorm or synchronized. Received: layer {layer.name!r}"
                )
            layer.call = types.MethodType(_shared, layer)
        elif type(layer) is keras.layers.BatchNormalization and _fits(layer):
            layer.call = types.MethodType(_fused, layer)


def _layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yields the layers of a model, and those inside them."""
    # Keras' own walk, private in 3.12 to 3.15, also finds layers of custom layers.
    flatten = getattr(model, "_flatten_layers", None)
    if flatten is not None:
        yield from flatten(include_self=False)
        return
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _layers(layer)


def _on_last_axis(layer: keras.layers.BatchNormalization) -> bool:
    on_last = layer.axis in (-1, layer.input_spec.ndim - 1)
    return on_last and not (layer.renorm or layer.synchronized)


def _fits(layer: keras.layers.BatchNormalization) -> bool:
    ndim = layer.input_spec.ndim
    return ndim == 4 and _on_last_axis(layer) and layer.scale and layer.center


def _fused(
    layer: keras.layers.BatchNormalization,
    inputs: Any,
    training: bool | None = None,
    mask: Any = None,
) -> Any:
    if not (training and layer.trainable) or mask is not None:
        return type(layer).call(layer, inputs, training=training, mask=mask)
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=layer.gamma.value,
        offset=layer.beta.value,
        mean=[],
        variance=[],
        epsilon=layer.epsilon,
    )
    # The kernel returns the unbiased variance (n - 1); Keras averages the biased one.
    count = tf.cast(tf.size(inputs) // inputs.shape[-1], variance.dtype)
    variance *= (count - 1) / count
    _move_averages(layer, mean, variance)
    return outputs


def _shared(
    layer: keras.layers.BatchNormalization,
    inputs: Any,
    training: bool | None = None,
    mask: Any = None,
) -> Any:
    """Normalises by the statistics of the whole batch; its parts have equal sizes."""
    if not (training and layer.trainable):
        return type(layer).call(layer, inputs, training=training, mask=mask)
    if mask is not None:
        raise ValueError(f"{layer.name}: the parts of a batch cannot share a mask.")
    shape, channels = tf.shape(inputs), inputs.shape[-1]
    flat = tf.reshape(inputs, (-1, 1, 1, channels))
    scale = layer.gamma.value if layer.scale else tf.ones(channels)
    offset = layer.beta.value if layer.center else tf.zeros(channels)
    normalize = _normalize(layer.epsilon)
    outputs, mean, variance = normalize(flat, scale, offset)
    _move_averages(layer, mean, variance)
    return tf.reshape(outputs, shape)


def _normalize(epsilon: float) -> Any:
    """Builds a function of `x (N, 1, 1, C)`, scale and offset `(C,)` with a gradient.

    It returns the outputs, and mean and variance `(C,)` over the `x` of all parts.
    """

    @tf.custom_gradient
    def normalize(x: Any, scale: Any, offset: Any) -> Any:
        own_mean, own_variance = tf.nn.moments(tf.cast(x, tf.float32), (0, 1, 2))
        # E[x^2] - E[x]^2 is accurate enough in float64, over so few parts.
        mean, variance = (
            tf.cast(each, tf.float64) for each in (own_mean, own_variance)
        )
        both = mean_of_replicas(tf.stack([mean, variance + mean**2]))
        mean = tf.cast(both[0], tf.float32)
        variance = tf.cast(both[1] - both[0] ** 2, tf.float32)
        outputs = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=scale,
            offset=offset,
            mean=mean,
            variance=variance,
            epsilon=epsilon,
            is_training=False,
        ).y

        def gradient(upstream: Any, *_: Any) -> Any:
            # The kernel's gradient for a fixed mean and variance, plus the gradient
            # through both over all parts (Ioffe & Szegedy 2015, section 3).
            fixed = tf.raw_ops.FusedBatchNormGradV3(
                y_backprop=upstream,
                x=x,
                scale=scale,
                reserve_space_1=mean,
                reserve_space_2=variance,
                reserve_space_3=[],
                epsilon=epsilon,
                is_training=False,
            )
            of_scale, of_offset = fixed.scale_backprop, fixed.offset_backprop
            count = tf.cast(tf.shape(x)[0], tf.float32)
            sums = mean_of_replicas(tf.stack([of_scale, of_offset])) / count
            inverse = tf.math.rsqrt(variance + epsilon)
            slope = scale * inverse**2 * sums[0]
            shift = scale * inverse * sums[1] - slope * mean
            owed = tf.cast(x, tf.float32) * slope + shift
            return fixed.x_backprop - tf.cast(owed, x.dtype), of_scale, of_offset

        return (outputs, mean, variance), gradient

    return normalize


def _move_averages(
    layer: keras.layers.BatchNormalization, mean: Any, variance: Any
) -> None:
    for moving, value in (
        (layer.moving_mean, mean),
        (layer.moving_variance, variance),
    ):
        moving.assign(moving * layer.momentum + value * (1.0 - layer.momentum))
