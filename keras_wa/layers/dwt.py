"""The 2-D discrete wavelet transform as a layer."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_wa.layers.wavelets import (
    along,
    band_size,
    check_mode,
    extend,
    filter_bank,
    spatial_axes,
    weighted_sum,
)


@keras.saving.register_keras_serializable(package="keras_wa")
class DWT2D(keras.layers.Layer):
    """Decomposes images into wavelet subbands, as `pywt.dwt2` and `pywt.wavedec2` do.
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
        before = taps - 1 - offset
        x = extend(x, axis, before, 2 * length + offset - 1 - size, self.mode)
        phases = x[along(axis, 0, None, 2)], x[along(axis, 1, None, 2)]

        def band(taps_: tuple[float, ...]) -> Any:
            backwards = taps_[::-1]
            return sum(
                weighted_sum(
                    phase,
                    axis,
                    {i: w for i, w in enumerate(backwards[p::2]) if w != 0.0},
                    length,
                )
                for p, phase in enumerate(phases)
                if any(backwards[p::2])
            )

        return band(self._filters.dec_lo), band(self._filters.dec_hi)

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
