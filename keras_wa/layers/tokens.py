"""The tokens of a transformer from a feature map."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_wa")
class Tokens(keras.layers.Layer):
    """Flattens a feature map into tokens with a class token and position embeddings.

    The class token comes first, then the map in row-major order. Class token (initially
    zero) and position embeddings (initially normal, standard deviation 0.02) are
    learned. It takes the arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, height, width, C)`. Only the batch may be unknown.

    Output shape:
        `(batch, 1 + height * width, C)`.

    Raises:
        ValueError: a size is unknown when the layer is built.

    Example:
        >>> import keras
        >>> from keras_wa.layers import Tokens
        >>> keras.ops.shape(Tokens()(keras.ops.ones((2, 7, 7, 16))))
        (2, 50, 16)

    Source:
        Dosovitskiy et al. 2021, "An image is worth 16x16 words", eq. 1; initial values
        from its published code.
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
        """Returns the shape of the tokens."""
        return (input_shape[0], 1 + math.prod(input_shape[1:3]), input_shape[3])
