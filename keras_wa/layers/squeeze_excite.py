"""Squeeze-and-excitation: each channel weighted by a gate that sees all of them."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

OPEN_GATE_BIAS = 40.0
"""A `gate_bias` whose sigmoid is exactly 1 in float32, float16 and bfloat16.

A `SqueezeExcite(gate_bias=OPEN_GATE_BIAS)` that has not been trained is the identity,
bit for bit: it proves that a graft changes nothing else. Such gates do not learn.
"""


@keras.saving.register_keras_serializable(package="keras_wa")
class SqueezeExcite(keras.layers.Layer):
    """Recalibrates the channels of a feature map with gates in (0, 1).

    With `x_c` the c-th of C channels:

    - squeeze: `z_c`, the mean of `x_c` over space;
    - excitation: `s = sigmoid(W2 relu(W1 z + b1) + b2)`, `W1` of shape
      `(C, max(1, C // ratio))`;
    - recalibration: `x_c <- s_c x_c`.

    `W2` starts at zero and `b2` at `gate_bias`, so every gate starts at
    `sigmoid(gate_bias)`, 0.982 by default, whatever the input: grafted into a
    pretrained network, the layer at first only scales its features a little. The
    gates are computed in float32 under the half precision policies as well: the mean
    of a large map in float16 would lose digits or overflow, and they cost next to
    nothing.

    Args:
        ratio: how many channels share one hidden unit.
        gate_bias: the start of `b2`. See also `OPEN_GATE_BIAS`.
        data_format: `"channels_last"` or `"channels_first"`; Keras' own setting when
            None.
        **kwargs: passed to `keras.layers.Layer`.

    Input shape: `(batch, height, width, C)`, or `(batch, C, height, width)` for
    channels first; sizes may be unknown, C may not. Output shape: the same.

    Raises:
        ValueError: if `ratio` is below 1, for another `data_format`, and, when it is
            built, if C is unknown.

    Source: Hu, Shen, Sun 2018, "Squeeze-and-Excitation Networks", eq. 2-4; the same
    equations in Alsajer and Philippovich 2025.
    """

    def __init__(
        self,
        ratio: int = 16,
        gate_bias: float = 4.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if ratio < 1:
            raise ValueError(f"ratio must be at least 1. Received: {ratio!r}")
        self.ratio = ratio
        self.gate_bias = gate_bias
        self._gate_dtype = keras.backend.result_type(self.variable_dtype, "float32")
        self.squeeze = keras.layers.GlobalAveragePooling2D(
            data_format, dtype=self._gate_dtype, name="squeeze"
        )
        self.data_format = self.squeeze.data_format
        self._channel_axis = 3 if self.data_format == "channels_last" else 1
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights.

        Args:
            input_shape: shape of the feature map, with the batch.

        Raises:
            ValueError: if the number of channels is unknown.
        """
        channels = input_shape[self._channel_axis]
        if channels is None:
            raise ValueError(
                f"The number of channels must be known. Received: {input_shape}"
            )
        self.reduce = keras.layers.Dense(
            max(1, channels // self.ratio),
            activation="relu",
            kernel_initializer="he_normal",
            dtype=self._gate_dtype,
            name="reduce",
        )
        self.excite = keras.layers.Dense(
            channels,
            activation="sigmoid",
            kernel_initializer="zeros",
            bias_initializer=keras.initializers.Constant(self.gate_bias),
            dtype=self._gate_dtype,
            name="excite",
        )
        self.reduce.build((input_shape[0], channels))
        self.excite.build((input_shape[0], self.reduce.units))

    def gates(self, inputs: Any) -> Any:
        """Computes the gates that `call` multiplies the channels with.

        The layer must have been built.

        Args:
            inputs: the feature map, or the symbolic tensor of one: for a functional
                model, `keras.Model(model.input, layer.gates(layer.input))` shows the
                gates of one of its layers.

        Returns:
            The gates, `(batch, C)`, float32 (float64 for a float64 layer), in (0, 1).
        """
        return self.excite(self.reduce(self.squeeze(inputs)))

    def call(self, inputs: Any) -> Any:
        """Returns the feature map with each channel multiplied by its gate."""
        gates = ops.cast(self.gates(inputs), self.compute_dtype)
        shape = [-1, 1, 1, 1]
        shape[self._channel_axis] = self.excite.units
        return inputs * ops.reshape(gates, shape)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Returns `input_shape`."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "ratio": self.ratio,
            "gate_bias": self.gate_bias,
            "data_format": self.data_format,
        }
