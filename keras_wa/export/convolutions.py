"""Convolutions for a CPU that need little memory and no preparation at each call.

TensorFlow arranges the kernel of a convolution for the processor: once if it is a
constant of the graph, else at each call, which takes longer than the convolution itself
where a kernel is large and the map small. But a graph is copied with its constants some
17 times until the first answer. A matrix product uses its weights as they are.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import layers

from keras_wa.export.batch_normalization import calls_of

# Cells of a map up to which a convolution of a larger kernel is a product: 32 ROIs take
# 0.8 ms longer of 12 with 16 cells, and 6 ms of 8 with 49 (512 and 256 channels).
_MOST_CELLS = 16
# A convolution of 1x1 is a product on a map of fewer cells than a 16th of its
# channels. On larger maps a constant kernel saves a pass over the map: TensorFlow adds
# the residual in that convolution, but not in a product.
_CHANNELS_PER_CELL = 16
# Constant weights of a network, up to which they pay. WA-ResNet-50 has 7 million. An
# ensemble of five starts in 5.0 CPU seconds without constants, not 7.2, with 1.7 GB,
# not 4.3; one ROI takes 101 CPU ms, not 92.
_MOST_CONSTANTS = 16_000_000


class ProductConv2D(layers.Conv2D):
    """A `Conv2D` for inference, computed as a matrix product."""

    def call(self, inputs: Any) -> Any:
        _, rows, columns, filters = self.compute_output_shape(inputs.shape)
        windows = self._windows(inputs, rows, columns)
        flat = tf.reshape(windows, (-1, windows.shape[-1]))
        products = tf.matmul(flat, tf.reshape(self.kernel, (-1, filters)))
        if self.use_bias:
            products = tf.nn.bias_add(products, self.bias)
        return self.activation(tf.reshape(products, (-1, rows, columns, filters)))

    def _windows(self, inputs: Any, rows: int, columns: int) -> Any:
        """Returns the values under the kernel at each cell, along the last axis."""
        (height, width), (down, right) = self.kernel_size, self.strides
        if self.padding == "same":
            sides = zip(
                (rows, columns),
                self.strides,
                self.kernel_size,
                inputs.shape[1:3],
                strict=True,
            )
            missing = [max((n - 1) * s + k - m, 0) for n, s, k, m in sides]
            if any(missing):
                around = [(each // 2, each - each // 2) for each in missing]
                inputs = tf.pad(inputs, [(0, 0), *around, (0, 0)])
        if (height, width, down, right) == (1, 1, 1, 1):
            return inputs
        shifted = [
            inputs[
                :,
                top : top + (rows - 1) * down + 1 : down,
                left : left + (columns - 1) * right + 1 : right,
            ]
            for top in range(height)
            for left in range(width)
        ]
        return tf.concat(shifted, axis=-1)


class ConstantConv2D(layers.Conv2D):
    """A `Conv2D` for inference whose weights are constants of the graph."""

    def call(self, inputs: Any) -> Any:
        with tf.init_scope():
            kernel, *bias = self.get_weights()
        outputs = tf.nn.conv2d(inputs, kernel, self.strides, self.padding.upper())
        if bias:
            outputs = tf.nn.bias_add(outputs, bias[0])
        return self.activation(outputs)


def for_cpu(model: keras.Model) -> keras.Model:
    """Replaces the convolutions of a trained network by others for inference.

    On small maps they become matrix products. The others get constant kernels: once a
    function of the copy is traced, later changes of their weights have no effect on it.
    Networks with many large kernels on larger maps, such as VGG16, still need much
    memory. Those with more than 16 million such weights, such as an ensemble of three
    WA-ResNet-50, get none.

    Args:
        model: a flat functional model; it is not changed.

    Returns:
        A copy with the same outputs to float32's precision. Convolutions with groups or
        dilation, in another dtype, or called more than once are unchanged.
    """
    constant = [each for each in model.layers if _kind(each) is ConstantConv2D]
    size = sum(each.count_params() for each in constant)
    too_many = {each.name for each in constant if size > _MOST_CONSTANTS}

    def clone(layer: layers.Layer) -> layers.Layer:
        config = layer.get_config()
        if "kernel_initializer" in config:
            config["kernel_initializer"] = "zeros"  # Random weights take time.
        kind = layers.Conv2D if layer.name in too_many else _kind(layer)
        return kind.from_config(config)

    copy = keras.models.clone_model(model, clone_function=clone)
    for layer in copy.layers:
        if layer.weights:
            layer.set_weights(model.get_layer(layer.name).get_weights())
    return copy


def _kind(layer: layers.Layer) -> type[layers.Layer]:
    if (
        type(layer) is not layers.Conv2D
        or len(calls_of(layer)) != 1
        or (layer.groups, layer.dilation_rate) != (1, (1, 1))
        or layer.data_format != "channels_last"
        or layer.compute_dtype != "float32"
        or None in layer.output.shape[1:]
    ):
        return type(layer)
    cells = layer.output.shape[1] * layer.output.shape[2]
    if layer.kernel_size == (1, 1):
        product = cells * _CHANNELS_PER_CELL < layer.input.shape[-1]
    else:
        product = cells <= _MOST_CELLS
    return ProductConv2D if product else ConstantConv2D
