"""The wavelet-attention block of WA-CNN as a layer."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_wa.layers.dwt import DWT2D


@keras.saving.register_keras_serializable(package="keras_wa")
class WaveletAttention(keras.layers.Layer):
    """Halves a feature map by a DWT, with attention from the detail bands.

    With LL, LH, HL, HH the subbands of each channel:

        attention = softmax over the channels (LH + HL)
        attended  = LL + LL * attention

    HH, mostly noise, is dropped. There are no weights. The softmax is computed in
    float32 under mixed precision as well.

    Args:
        wavelet: a name from `pywt.wavelist(kind="discrete")`.
        mode: extension at the border, see `DWT2D`.
        data_format: `"channels_last"` or `"channels_first"`; None for Keras' setting.
        **kwargs: passed to `keras.layers.Layer`.

    Input shape:
        `(batch, height, width, C)`, or `(batch, C, height, width)` for channels first.

    Output shape:
        A list of two maps `(batch, h, w, C)`: the attended one and LL. For `h` and `w`
        see `DWT2D`.

    Raises:
        UserError: the wavelet or the mode is unknown.
        ValueError: `data_format` is unknown.

    Example:
        >>> import keras
        >>> from keras_wa.layers import WaveletAttention
        >>> attended, low = WaveletAttention()(keras.ops.ones((1, 8, 8, 4)))
        >>> keras.ops.shape(attended), keras.ops.shape(low)
        ((1, 4, 4, 4), (1, 4, 4, 4))

    Source:
        Zhao 2022, "Wavelet-Attention CNN for image classification", arXiv:2201.09271.
        The sum of LH and HL, the softmax over channels and LL as the shortcut of a
        residual block are from its code (github.com/TRillionZxY/WaveletAttention).
    """

    def __init__(
        self,
        wavelet: str = "haar",
        mode: str = "symmetric",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.transform = DWT2D(
            wavelet, mode, data_format=data_format, dtype=self.dtype_policy, name="dwt"
        )
        self.wavelet = wavelet
        self.mode = mode
        self.data_format = self.transform.data_format
        self._channel = 3 if self.data_format == "channels_last" else 1
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Builds the transform; there are no weights."""
        self.transform.build(input_shape)

    def call(self, inputs: Any) -> list[Any]:
        """Returns the attended map and LL."""
        low, horizontal, vertical, _ = ops.split(
            self.transform(inputs), 4, axis=self._channel
        )
        details = ops.cast(horizontal + vertical, "float32")
        attention = ops.softmax(details, axis=self._channel)
        return [low + low * ops.cast(attention, low.dtype), low]

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> list[tuple[int | None, ...]]:
        """Returns the shapes of the two maps."""
        shape = list(self.transform.compute_output_shape(input_shape))
        shape[self._channel] = input_shape[self._channel]
        return [tuple(shape)] * 2

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "wavelet": self.wavelet,
            "mode": self.mode,
            "data_format": self.data_format,
        }
