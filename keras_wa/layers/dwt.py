"""The 2-D discrete wavelet transform as a layer."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_wa.layers.wavelets import (
    band_size,
    check_mode,
    deinterleave,
    extend,
    filter_bank,
    filter_pair,
    spatial_axes,
)


@keras.saving.register_keras_serializable(package="keras_wa")
class DWT2D(keras.layers.Layer):
    """Decomposes images into wavelet subbands, each channel by itself.

    One level gives one tensor. Its channels are the subbands LL, LH, HL, HH, in
    PyWavelets' words `cA, cH, cV, cD`: the mean-like band, then what changes from row
    to row (horizontal edges), from column to column (vertical edges), and along both.
    Of an image with C channels these are LL of all channels, then LH of all channels
    and so on: the channel `C * band + channel`.

    More levels transform LL again and give a list, the coarsest level first, as
    `pywt.wavedec2` does: LL, LH, HL, HH of the deepest level (`4 C` channels), then
    LH, HL, HH of each finer one (`3 C` channels).

    Args:
        wavelet: a name of `pywt.wavelist(kind="discrete")`.
        mode: how the image goes on beyond its border: `"symmetric"` (mirrored, the
            border sample twice), `"reflect"` (mirrored, the border sample once),
            `"zero"`, or `"periodization"` (round and round; the fewest
            coefficients).
        levels: how often to transform.
        data_format: `"channels_last"` or `"channels_first"`; Keras' own setting when
            None.
        **kwargs: passed to `keras.layers.Layer`.

    Input shape: `(batch, height, width, C)`, or `(batch, C, height, width)` for
    channels first; any dtype; height and width of any size, odd, shorter than the
    filters, or unknown. Output shape: `(batch, h, w, 4 C)` with `h = ceil(height / 2)`
    for Haar and in mode `"periodization"`, else
    `h = floor((height + filter length - 1) / 2)`.

    The output has the layer's compute dtype. In float32 it is within 1e-5 of
    PyWavelets' float64 result, for images in [0, 1]. Details are small differences of
    large numbers: in bfloat16 they lose what an 8-bit image has of them. In a model of
    mixed precision give this layer `dtype="float32"`.

    Raises:
        UserError: for an unknown wavelet or mode.
        ValueError: for `levels` below 1 or another `data_format`.

    Source: Mallat 1989, "A theory for multiresolution signal decomposition"; borders
    and order as in PyWavelets (`pywt.dwt2`, `pywt.wavedec2`), except that `"reflect"`
    takes an image of one row, which PyWavelets refuses, as a constant.
    """

    def __init__(
        self,
        wavelet: str = "haar",
        mode: str = "symmetric",
        levels: int = 1,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if levels < 1:
            raise ValueError(f"levels must be at least 1. Received: {levels!r}")
        self.wavelet = wavelet
        self.mode = check_mode(mode)
        self.levels = levels
        self.data_format, self._height, self._channel = spatial_axes(data_format)
        self._filters = filter_bank(wavelet)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs: Any) -> Any:
        """Returns the subbands of `inputs`."""
        low = ops.cast(inputs, self.compute_dtype)
        outputs: list[Any] = []
        for level in range(1, self.levels + 1):
            rows_low, rows_high = self._split(low, self._height)
            low, vertical = self._split(rows_low, self._height + 1)
            horizontal, diagonal = self._split(rows_high, self._height + 1)
            bands = [horizontal, vertical, diagonal]
            if level == self.levels:
                bands.insert(0, low)
            outputs.insert(0, ops.concatenate(bands, axis=self._channel))
        return outputs[0] if self.levels == 1 else outputs

    def _split(self, x: Any, axis: int) -> tuple[Any, Any]:
        """Low and high band of the 1-D transform along one axis."""
        taps = self._filters.taps
        size = ops.shape(x)[axis]
        length = band_size(size, taps, self.mode)
        # PyWavelets: band[k] = sum_j filter[j] * x[2 k + offset - j].
        offset = taps // 2 if self.mode == "periodization" else 1
        last = 2 * length + offset - 2
        x = extend(x, axis, taps - 1 - offset, last + 1 - size, self.mode)
        even, odd = deinterleave(x, axis)
        bands = self._filters.dec_lo[::-1], self._filters.dec_hi[::-1]
        return filter_pair(even, odd, axis, bands)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> Any:
        """Shape of the subbands."""
        shape = list(input_shape)
        channels = shape[self._channel]
        outputs: list[tuple[int | None, ...]] = []
        for level in range(1, self.levels + 1):
            for axis in (self._height, self._height + 1):
                shape[axis] = band_size(shape[axis], self._filters.taps, self.mode)
            bands = 4 if level == self.levels else 3
            shape[self._channel] = None if channels is None else bands * channels
            outputs.insert(0, tuple(shape))
        return outputs[0] if self.levels == 1 else outputs

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "wavelet": self.wavelet,
            "mode": self.mode,
            "levels": self.levels,
            "data_format": self.data_format,
        }
