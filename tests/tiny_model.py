"""A small network of the same make as WA-ResNet-50, which is traced in a second.

`python -m tests.tiny_model train ...` is `keras-wa train ...` with the model `tiny`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from unittest import mock

import keras
import pytest
from keras import layers

from keras_wa.layers import DWT2D, SqueezeExcite
from keras_wa.models import register_model, registry


def tiny(
    *, image_size: int = 32, dwt: str = "model", wavelet: str = "haar"
) -> keras.Model:
    """DWT, two convolutions, one gate, and dropout, whose noise has a state."""
    if dwt == "model":
        inputs = keras.Input((image_size, image_size, 1), name="roi")
        x = DWT2D(wavelet=wavelet, name="dwt")(inputs)
    else:
        DWT2D(wavelet=wavelet)  # An unknown name must fail here as well.
        inputs = keras.Input((image_size // 2, image_size // 2, 4), name="subbands")
        x = inputs
    x = layers.BatchNormalization(momentum=0.8)(x)
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    x = SqueezeExcite(ratio=4, name="gate")(x)
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2, seed=11)(x)
    outputs = layers.Dense(2, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="tiny")


@pytest.fixture(scope="session")
def tiny_model() -> Iterator[None]:
    """Registers `tiny` for as long as tests need it."""
    with mock.patch.dict(registry._BUILDERS):
        register_model(tiny)
        yield


if __name__ == "__main__":
    from keras_wa.cli import main

    register_model(tiny)
    sys.exit(main(sys.argv[1:]))
