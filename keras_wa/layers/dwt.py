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
    """Two-dimensional discrete wavelet transform (DWT) of each channel.

    One level gives one tensor. Its channels are the subbands LL, LH, HL, HH
    (PyWavelets' `cA, cH, cV, cD`): the approximation, then the details from row to row
    (horizontal edges), from column to column (vertical edges) and along both. With C
    input channels, `C * band + channel` is the index of an output channel.

    More levels transform LL again and give a list, the coarsest level first, as
    `pywt.wavedec2` does: LL, LH, HL, HH of the deepest level (`4 C` channels), then
    LH, HL, HH of each finer level (`3 C` channels).

    In float32 the output is within 1e-5 of PyWavelets' float64 result for images in
    [0, 1]. bfloat16 is too coarse for the details of an 8-bit image: in a
    mixed-precision model give this layer `dtype="float32"`.

    Args:
        wavelet: a name from `pywt.wavelist(kind="discrete")`.
        mode: extension at the border: `"symmetric"` (mirrored, border pixel
            repeated), `"reflect"` (mirrored, border pixel not repeated), `"zero"`, or
            `"periodization"` (periodic, with the fewest coefficients).
        levels: number of levels, at least 1.
        data_format: `"channels_last"` or `"channels_first"`; None for Keras' setting.
        **kwargs: passed to `keras.layers.Layer`.

    Input shape:
        `(batch, height, width, C)`, or `(batch, C, height, width)` for channels first.
        Any dtype. Height and width may be odd, shorter than the filters or unknown.

    Output shape:
        `(batch, h, w, 4 C)` in the layer's compute dtype. `h = ceil(height / 2)` for
        Haar and for `"periodization"`, else
        `h = floor((height + filter length - 1) / 2)`; the same for `w`.

    Raises:
        UserError: the wavelet or the mode is unknown.
        ValueError: `levels` or `data_format` is out of range.

    Example:
        >>> import numpy as np
        >>> from keras_wa.layers import DWT2D
        >>> image = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
        >>> bands = np.asarray(DWT2D("haar")(image))
        >>> bands.shape
        (1, 2, 2, 4)
        >>> bands[0, 0, 0].round(2).tolist()  # LL, LH, HL, HH
        [5.0, -4.0, -1.0, 0.0]

    Source:
        Mallat 1989, "A theory for multiresolution signal decomposition". Borders and
        order as in PyWavelets (`pywt.dwt2`, `pywt.wavedec2`). Unlike PyWavelets,
        `"reflect"` accepts an image of one row, as a constant.
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
        """Returns the low and high band of the 1-D transform along one axis."""
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
        """Returns the shape of the subbands."""
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
