"""Squeeze-and-excitation: a gate for each channel, computed from all of them."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

OPEN_GATE_BIAS = 40.0
"""A `gate_bias` whose sigmoid is exactly 1 in float32, float16 and bfloat16.

An untrained `SqueezeExcite(gate_bias=OPEN_GATE_BIAS)` is the identity, bit for bit,
which shows that a graft changes nothing else. Such gates do not learn.
"""


@keras.saving.register_keras_serializable(package="keras_wa")
class SqueezeExcite(keras.layers.Layer):
    """Squeeze-and-excitation: scales each channel by a gate in (0, 1).

    With `x_c` the c-th of C channels:

    - squeeze: `z_c`, the mean of `x_c` over space;
    - excitation: `s = sigmoid(W2 relu(W1 z + b1) + b2)`, `W1` of shape
      `(C, max(1, C // ratio))`;
    - recalibration: `x_c <- s_c x_c`.

    `W2` is initialised to zero and `b2` to `gate_bias`, so that every gate starts at
    `sigmoid(gate_bias)`, by default 0.982: in a pretrained network the layer at first
    hardly changes the features. Gates are computed in float32 under mixed precision as
    well, since the mean of a large map can overflow in float16.

    Args:
        ratio: reduction ratio, channels per hidden unit, at least 1.
        gate_bias: initial value of `b2`.
        data_format: `"channels_last"` or `"channels_first"`; None for Keras' setting.
        **kwargs: passed to `keras.layers.Layer`.

    Input shape:
        `(batch, height, width, C)`, or `(batch, C, height, width)` for channels first.
        C must be known.

    Output shape:
        The same.

    Raises:
        ValueError: `ratio` or `data_format` is out of range, or C is unknown when the
            layer is built.

    Example:
        >>> import keras
        >>> from keras_wa.layers import SqueezeExcite
        >>> x = keras.random.normal((2, 8, 8, 32), seed=0)
        >>> layer = SqueezeExcite(ratio=8, gate_bias=0.0)
        >>> keras.ops.shape(layer(x))
        (2, 8, 8, 32)
        >>> float(layer.gates(x)[0, 0])
        0.5

    Source:
        Hu, Shen & Sun 2018, "Squeeze-and-Excitation Networks", eq. 2-4; also in Alsajer
        & Philippovich 2025.
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
            ValueError: the number of channels is unknown.
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
        """Computes the gates. The layer must have been built.

        Args:
            inputs: the feature map, or a symbolic one: in a functional model,
                `keras.Model(model.input, layer.gates(layer.input))` gives the gates of
                one of its layers.

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
