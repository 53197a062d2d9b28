"""Folds batch normalisation into convolutions, for faster inference."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import keras
import numpy as np
from keras import layers


def fold_batch_normalization(model: keras.Model) -> keras.Model:
    """Folds batch normalisation into the convolution before it.

    At inference `gamma * (x - mean) / sqrt(variance + epsilon) + beta` is a factor and
    an offset for each channel, which kernel and bias can include.

    Returns:
        A copy for inference, without the layers that can be folded: those over the last
        axis that are the only user of a `Conv2D` without activation. The model itself,
        if one of these layers is used more than once.
    """
    norms = {conv.name: norm for norm, conv in _pairs(model)}
    folded = {norm.name for norm in norms.values()}
    calls: Counter[str] = Counter()

    def clone(layer: layers.Layer) -> layers.Layer:
        config = layer.get_config()
        if layer.name in norms:
            config["use_bias"] = True
        if "kernel_initializer" in config:
            # Random weights would take a quarter of the time and are replaced below.
            config["kernel_initializer"] = "zeros"
        return type(layer).from_config(config)

    def call(layer: layers.Layer, *args: Any, **kwargs: Any) -> Any:
        calls[layer.name] += 1
        return args[0] if layer.name in folded else layer(*args, **kwargs)

    copy = keras.models.clone_model(model, clone_function=clone, call_function=call)
    if any(calls[name] > 1 for name in (*folded, *norms)):
        return model
    for layer in copy.layers:
        if not layer.weights:  # The input has another name.
            continue
        source = model.get_layer(layer.name)
        norm = norms.get(layer.name)
        layer.set_weights(_fold(source, norm) if norm else source.get_weights())
    return copy


def _pairs(model: keras.Model) -> list[tuple[layers.Layer, layers.Layer]]:
    """Returns each batch normalisation that can be folded, and its convolution."""
    convolutions = {
        id(layer.output): layer
        for layer in model.layers
        if type(layer) is layers.Conv2D
        and layer.activation is keras.activations.linear
        and layer.data_format == "channels_last"
    }
    users = users_of(model)
    return [
        (layer, convolutions[id(layer.input)])
        for layer in model.layers
        if type(layer) is layers.BatchNormalization
        and id(layer.input) in convolutions
        and layer.axis in (-1, layer.input_spec.ndim - 1)
        and len(users[id(layer.input)]) == 1
    ]


def calls_of(operation: Any) -> list[Any]:
    """Returns the calls of a layer or operation in functional models.

    Keras has no public name for them; this one is that of 3.12 to 3.15.
    """
    return operation._inbound_nodes


def users_of(model: keras.Model) -> dict[int, list[Any]]:
    """Returns the users of each tensor of a functional model, by the tensor's `id`.

    All operations count, such as `a + b`. An output of the model has the user None.
    """
    users: dict[int, list[Any]] = defaultdict(list)
    for operation in model.operations:
        for node in calls_of(operation):
            for tensor in node.input_tensors:
                users[id(tensor)].append(operation)
    for tensor in keras.tree.flatten(model.outputs):
        users[id(tensor)].append(None)
    return users


def _fold(conv: layers.Conv2D, norm: layers.BatchNormalization) -> list[np.ndarray]:
    """Returns kernel `(h, w, in, out)` and bias `(out,)` of both together."""
    factor, offset = affine_of(norm)
    bias = _float64(conv.bias if conv.use_bias else None, 0.0) * factor + offset
    kernel = _float64(conv.kernel, 0.0) * factor
    return [kernel.astype("float32"), bias.astype("float32")]


def affine_of(norm: layers.BatchNormalization) -> tuple[np.ndarray, np.ndarray]:
    """Returns a batch normalisation as factor and offset of each channel."""
    spread = np.sqrt(_float64(norm.moving_variance, 1.0) + norm.epsilon)
    factor = _float64(norm.gamma, 1.0) / spread
    return factor, _float64(norm.beta, 0.0) - _float64(norm.moving_mean, 0.0) * factor


def _float64(variable: Any, default: float) -> Any:
    if variable is None:
        return default
    return keras.ops.convert_to_numpy(variable).astype("float64")
