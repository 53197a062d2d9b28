"""Soft and hard attention over the positions of a feature map."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_wa")
class AttentionPool2D(keras.layers.Layer):
    """Averages a feature map over space with learned weights.

    With `x_i` the features at the i-th of N positions:

        score_i  = v . tanh(W x_i + b)
        weight_i = softmax over the positions (score)
        output   = sum_i weight_i x_i

    That is soft attention. Hard attention (`keep` below 1) takes the mean of the
    `ceil(keep * N)` positions with the highest scores, the first ones in a tie. Its
    gradient is that of soft attention (straight-through, Bengio et al. 2013). It is
    deterministic, in training too.

    Scores and weights are computed in float32 under mixed precision as well.

    Args:
        units: length of `v`, at least 1.
        keep: share of the positions to keep, in (0, 1]; 1 for soft attention.
        **kwargs: passed to `keras.layers.Layer`.

    Input shape:
        `(batch, height, width, C)`. Only the batch may be unknown.

    Output shape:
        `(batch, C)`.

    Raises:
        ValueError: `units` or `keep` is out of range, or a size is unknown when the
            layer is built.

    Example:
        >>> import keras
        >>> from keras_wa.layers import AttentionPool2D
        >>> x = keras.random.normal((2, 7, 7, 16), seed=0)
        >>> keras.ops.shape(AttentionPool2D(keep=0.25)(x))
        (2, 16)

    Source:
        Scores: Bahdanau et al. 2015, eq. 6 and section A.1.2. Soft and hard attention
        over an image: Xu et al. 2015, section 4, where hard attention samples the
        positions and learns by reinforcement.
    """

    def __init__(self, units: int = 64, keep: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"units must be at least 1. Received: {units!r}")
        if not 0 < keep <= 1:
            raise ValueError(f"keep must lie in (0, 1]. Received: {keep!r}")
        self.units = units
        self.keep = keep
        self.hidden = keras.layers.Dense(
            units, activation="tanh", dtype="float32", name="hidden"
        )
        self.score = keras.layers.Dense(
            1, use_bias=False, dtype="float32", name="score"
        )
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights."""
        batch, height, width, channels = input_shape
        if height is None or width is None or channels is None:
            raise ValueError(f"The map's size must be known. Received: {input_shape}")
        self.places = height * width
        self.kept = math.ceil(self.keep * self.places)
        self.hidden.build((batch, self.places, channels))
        self.score.build((batch, self.places, self.units))

    def weights_of(self, inputs: Any) -> Any:
        """Computes the weight of each position. The layer must have been built.

        Args:
            inputs: the feature map `(batch, height, width, C)`.

        Returns:
            `(batch, height * width)`, float32, in row-major order; each row sums to 1.
        """
        batch, *_, channels = ops.shape(inputs)
        flat = ops.reshape(inputs, (batch, self.places, channels))
        scores = ops.squeeze(self.score(self.hidden(flat)), axis=2)
        soft = ops.softmax(scores, axis=1)
        if self.kept == self.places:
            return soft
        _, best = ops.top_k(scores, self.kept)
        chosen = ops.sum(ops.one_hot(best, self.places, dtype="float32"), axis=1)
        return soft + ops.stop_gradient(chosen / self.kept - soft)

    def call(self, inputs: Any) -> Any:
        """Returns the weighted mean of `inputs` over space."""
        batch, *_, channels = ops.shape(inputs)
        flat = ops.reshape(inputs, (batch, self.places, channels))
        weights = ops.cast(self.weights_of(inputs), flat.dtype)
        return ops.sum(flat * ops.expand_dims(weights, 2), axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape of the mean."""
        return (input_shape[0], input_shape[3])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "units": self.units, "keep": self.keep}
