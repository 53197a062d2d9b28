"""Ensembles: several classifiers as one network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from keras_wa.layers import TemperatureScaling

MEMBERS = "members"
"""Name of the layer that holds the calibrated probabilities of the members."""


def join(networks: Sequence[keras.Model], temperatures: Sequence[float]) -> keras.Model:
    """Joins classifiers of the same input and classes to an ensemble.

    Args:
        networks: functional models; they are not changed.
        temperatures: temperature of each, see `TemperatureScaling`.

    Returns:
        One flat functional model. Its output is the mean of the members' calibrated
        probabilities, `(batch, classes)`; that of its layer `members` has those of each
        member, `(batch, members, classes)`. The layers of member i are named
        `member<i>_<name>`.

    Raises:
        ValueError: the networks differ in their input or their classes.
    """
    shapes = {(each.input_shape, each.output_shape) for each in networks}
    if len(shapes) != 1:
        raise ValueError(
            f"networks: received {len(shapes)} kinds of inputs and outputs, "
            f"{sorted(map(str, shapes))}; expected one."
        )
    first = networks[0].inputs[0]
    shared = keras.Input(batch_shape=first.shape, dtype=first.dtype, name=first.name)
    outputs = [_copy(each, f"member{i}_", shared) for i, each in enumerate(networks)]
    members = TemperatureScaling(temperatures, dtype="float32", name=MEMBERS)(outputs)
    mean = layers.GlobalAveragePooling1D(
        data_format="channels_last", dtype="float32", name="predictions"
    )(members)
    return keras.Model(shared, mean, name="ensemble")


def members_of(model: keras.Model) -> list[keras.Model]:
    """Returns the networks of an ensemble, uncalibrated; empty if it is none."""
    layer = members_layer(model)
    if layer is None:
        return []
    return [keras.Model(model.input, each) for each in layer.input]


def members_layer(model: keras.Model) -> TemperatureScaling | None:
    """Returns the layer `members` of an ensemble; None if it is none."""
    for layer in model.layers:
        if isinstance(layer, TemperatureScaling) and layer.name == MEMBERS:
            return layer
    return None


def _copy(network: keras.Model, prefix: str, shared: Any) -> Any:
    """Applies a copy with a prefix to all names; returns its output."""

    def clone(operation: Any) -> Any:
        config = operation.get_config()
        if "kernel_initializer" in config:
            config["kernel_initializer"] = "zeros"  # Random weights take time.
        return type(operation).from_config({**config, "name": prefix + operation.name})

    structured = isinstance(network.input, list)  # As of a model with `[input]`.
    copy = keras.models.clone_model(
        network, input_tensors=[shared] if structured else shared, clone_function=clone
    )
    for layer in copy.layers:
        if layer.weights:
            source = network.get_layer(layer.name.removeprefix(prefix))
            layer.set_weights(source.get_weights())
    return copy.outputs[0]
