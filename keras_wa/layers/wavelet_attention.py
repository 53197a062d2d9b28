"""The wavelet-attention block of WA-CNN as a layer."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_wa.layers.dwt import DWT2D


@keras.saving.register_keras_serializable(package="keras_wa")
class WaveletAttention(keras.layers.Layer):
    """Halves a feature map by a DWT and weights what it keeps by the details.

    With LL, LH, HL, HH the subbands of each channel:

        attention = softmax over the channels (LH + HL)
        attended  = LL + LL * attention

    HH, which is mostly noise, is dropped; LL, the structure, is kept. There are no
    weights to learn.

    From the paper: the transform, the attention from the high-frequency bands alone,
    LL kept. From its authors' code (github.com/TRillionZxY/WaveletAttention), as the
    abstract does not say it: the sum of LH and HL, the softmax over the channels at
    each place, and that a residual block takes LL itself as its shortcut. The
    transform is orthonormal there and here, so that LL of a constant map is twice that
    map.

    Args:
        wavelet: as in `DWT2D`.
        mode: as in `DWT2D`.
        data_format: as in `DWT2D`.
        **kwargs: passed to `keras.layers.Layer`.

    Input shape: `(batch, height, width, C)`, or `(batch, C, height, width)` for
    channels first. Output: a list of two maps `(batch, h, w, C)`, the attended one and
    LL, with `h` and `w` of `DWT2D`. The softmax computes in float32 under the half
    precision policies as well.

    Raises:
        UserError: for an unknown wavelet or mode.
        ValueError: for another `data_format`.

    Source: Zhao 2022, "Wavelet-Attention CNN for image classification",
    arXiv:2201.09271.
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
        """Needs no weights."""
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
        """Shapes of the two maps."""
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
