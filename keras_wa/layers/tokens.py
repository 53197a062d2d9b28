"""A feature map as the tokens of a transformer."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_wa")
class Tokens(keras.layers.Layer):
    """Makes a row of tokens of a map, one a place, and tells them where they are.

    The class token, which is learnt, comes first; then the map row by row. A learnt
    position is added to each. The class token starts at zero, positions at a normal
    distribution of standard deviation 0.02. It takes the arguments of
    `keras.layers.Layer`.

    Input shape: `(batch, height, width, C)`, all but the batch known. Output shape:
    `(batch, 1 + height * width, C)`.

    Raises:
        ValueError: when it is built, for a size that is not known.

    Source: Dosovitskiy et al. 2021, "An image is worth 16x16 words", eq. 1, for the
    embedded patches; the initial values are those of its published code.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights."""
        if None in input_shape[1:]:
            raise ValueError(f"The map's size must be known. Received: {input_shape}")
        count, width = self.compute_output_shape(input_shape)[1:]
        self.class_token = self.add_weight(
            name="class_token", shape=(1, 1, width), initializer="zeros"
        )
        self.positions = self.add_weight(
            name="positions",
            shape=(1, count, width),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
        )

    def call(self, inputs: Any) -> Any:
        """Returns the tokens."""
        batch, height, width, channels = ops.shape(inputs)
        tokens = ops.reshape(inputs, (batch, height * width, channels))
        first = ops.cast(self.class_token, tokens.dtype)
        first = ops.broadcast_to(first, (batch, 1, channels))
        tokens = ops.concatenate([first, tokens], axis=1)
        return tokens + ops.cast(self.positions, tokens.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape of the tokens."""
        return (input_shape[0], 1 + math.prod(input_shape[1:3]), input_shape[3])
