"""Soft and hard attention over the places of a feature map."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_wa")
class AttentionPool2D(keras.layers.Layer):
    """Averages a map over space with weights that it computes from each place.

    With `x_i` the features at the i-th of N places:

        score_i  = v . tanh(W x_i + b)
        weight_i = softmax over the places (score)
        output   = sum_i weight_i x_i

    That is soft attention. Hard attention, `keep` below 1, takes the mean of the
    `ceil(keep * N)` places of the highest score and ignores the others. Choosing has no
    gradient, so that going backwards the weights count as the soft ones
    (straight-through, Bengio et al. 2013). Nothing is drawn at random, in training
    neither, and the same map always gives the same output.

    Among equal scores hard attention takes the first places.
    Scores and weights are float32 under the half precision policies as well.

    Args:
        units: length of `v`.
        keep: share of the places to keep; 1 for soft attention.
        **kwargs: passed to `keras.layers.Layer`.

    Input shape: `(batch, height, width, C)`, all but the batch known. Output shape:
    `(batch, C)`.

    Raises:
        ValueError: if `units` is below 1 or `keep` is not in (0, 1], and, when it is
            built, for a size that is not known.

    Source: Bahdanau et al. 2015, eq. 6 and section A.1.2, for the scores; soft and hard
    attention over an image as in Xu et al. 2015, section 4, which draws the places at
    random and learns by reinforcement.
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
        """Computes the weight of each place. The layer must have been built.

        Args:
            inputs: the feature map `(batch, height, width, C)`.

        Returns:
            `(batch, height * width)`, float32, row by row; they sum to 1.
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
        """Shape of the mean."""
        return (input_shape[0], input_shape[3])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "units": self.units, "keep": self.keep}
