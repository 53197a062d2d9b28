"""A network as small as can be with the layer names of the pretrained ones."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from keras_wa.errors import UserError
from keras_wa.layers import SqueezeExcite
from keras_wa.models import load_pretrained
from tests.models.legacy_h5 import Arrays, random_arrays


def tiny(channels: int = 4, classes: int = 2, filters: int = 8) -> keras.Model:
    """A stem, a gate and a head with the names that the large models use."""
    x = bands = keras.Input((8, 8, channels), name="bands")
    x = keras.layers.Conv2D(filters, 7, padding="same", name="conv1_conv")(x)
    x = keras.layers.BatchNormalization(name="conv1_bn")(x)
    x = SqueezeExcite(ratio=2, name="conv1_se")(x)
    x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = keras.layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(bands, x, name="tiny")


def two_stages() -> keras.Model:
    """A stem and a layer of the second stage, each normalised."""
    x = bands = keras.Input((8, 8, 4), name="bands")
    for name in ("conv1", "conv2_block1_1"):
        x = keras.layers.Conv2D(3, 3, padding="same", name=f"{name}_conv")(x)
        x = keras.layers.BatchNormalization(name=f"{name}_bn")(x)
    return keras.Model(bands, x, name="two_stages")


def filled(model: keras.Model, seed: int = 7) -> keras.Model:
    """The model with random weights everywhere."""
    for name, arrays in random_arrays(model, seed).items():
        model.get_layer(name).set_weights(list(arrays.values()))
    return model


def assert_same_weights(layer: keras.layers.Layer, arrays: list[np.ndarray]) -> None:
    for found, wanted in zip(layer.get_weights(), arrays, strict=True):
        np.testing.assert_array_equal(found, wanted, err_msg=layer.name)


def refusal(model: keras.Model, source: str | Path) -> str:
    """The one line with which a source is refused."""
    with pytest.raises(UserError) as caught:
        load_pretrained(model, source)
    message = str(caught.value)
    assert "\n" not in message
    return message


def unchanged_refusal(source: Path) -> str:
    """The one line, of a model that keeps all its weights."""
    model = tiny()
    before = model.get_weights()
    message = refusal(model, source)
    for found, wanted in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert message.startswith(f"{source}: ")
    return message


def trunk_of(arrays: Arrays) -> dict[str, dict[str, np.ndarray]]:
    """A copy without the layers that no `.npz` of ours names, such as the gates."""
    kept = ("_conv", "_bn", "predictions")
    return {k: dict(v) for k, v in arrays.items() if k.endswith(kept)}
