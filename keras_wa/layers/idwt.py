"""The inverse of the 2-D discrete wavelet transform as a layer."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_wa.layers.wavelets import (
    check_mode,
    extend,
    filter_bank,
    interleave,
    shifted,
    spatial_axes,
    weighted_sum,
)


@keras.saving.register_keras_serializable(package="keras_wa")
class IDWT2D(keras.layers.Layer):
    """Inverse of `DWT2D`: images from their wavelet subbands.

    `IDWT2D(wavelet, mode)(DWT2D(wavelet, mode)(x))` equals `x` to rounding if height
    and width are even. The subbands of an odd size are those of the next even one: the
    output then has one row or column too many, as in PyWavelets, unless `crop` drops
    it. With several levels only the first level's size needs this.

    Args:
        wavelet: a name from `pywt.wavelist(kind="discrete")`.
        mode: the `mode` of the `DWT2D`; only `"periodization"` makes a difference.
        crop: rows and columns to drop at the end, each 0 or 1; `(1, 0)` for images of
            odd height and even width.
        data_format: `"channels_last"` or `"channels_first"`; None for Keras' setting.
        **kwargs: passed to `keras.layers.Layer`.

    Input shape:
        The output of `DWT2D`: one tensor `(batch, h, w, 4 C)`, or a list, the coarsest
        level first, with `4 C` channels in the first tensor and `3 C` in the others.

    Output shape:
        `(batch, height, width, C)`.

    Raises:
        UserError: the wavelet or the mode is unknown.
        ValueError: `crop` or `data_format` is out of range, or the channels or sizes of
            the subbands do not fit together.

    Example:
        >>> import numpy as np
        >>> from keras_wa.layers import DWT2D, IDWT2D
        >>> image = np.random.default_rng(0).random((1, 8, 8, 1), "float32")
        >>> rebuilt = IDWT2D("db2")(DWT2D("db2")(image))
        >>> np.allclose(rebuilt, image, atol=1e-5)
        True

    Source:
        `pywt.idwt2` and `pywt.waverec2`, with their filters and order of subbands.
    """

    def __init__(
        self,
        wavelet: str = "haar",
        mode: str = "symmetric",
        crop: tuple[int, int] = (0, 0),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.wavelet = wavelet
        self.mode = check_mode(mode)
        # A .keras file turns it into a list.
        self.crop = tuple(crop)
        if len(self.crop) != 2 or not {0, 1}.issuperset(self.crop):
            raise ValueError(f"crop must be two of 0 and 1. Received: {crop!r}")
        self.data_format, self._height, self._channel = spatial_axes(data_format)
        self._filters = filter_bank(wavelet)

    def call(self, inputs: Any) -> Any:
        """Returns the images with the subbands `inputs`."""
        levels = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        deepest, *finer = [ops.cast(level, self.compute_dtype) for level in levels]
        low, *details = ops.split(deepest, 4, axis=self._channel)
        image = self._merge_bands(low, *details)
        for level in finer:
            details = ops.split(level, 3, axis=self._channel)
            rows, columns = self._spatial(ops.shape(details[0]))
            image = self._merge_bands(self._first(image, rows, columns), *details)
        size = self._spatial(ops.shape(image))
        return self._first(image, size[0] - self.crop[0], size[1] - self.crop[1])

    def _spatial(self, shape: Any) -> Any:
        return shape[self._height : self._height + 2]

    def _first(self, image: Any, rows: Any, columns: Any) -> Any:
        """Returns the first rows and columns of an image."""
        index = [slice(None)] * 4
        index[self._height : self._height + 2] = slice(rows), slice(columns)
        return image[tuple(index)]

    def _merge_bands(self, low: Any, horizontal: Any, vertical: Any, diag: Any) -> Any:
        """One level of the 2-D transform: columns first, then rows."""
        rows_low = self._merge(low, vertical, self._height + 1)
        rows_high = self._merge(horizontal, diag, self._height + 1)
        return self._merge(rows_low, rows_high, self._height)

    def _merge(self, low: Any, high: Any, axis: int) -> Any:
        """Returns the signal with these two bands along one axis."""
        # PyWavelets: x[n] = sum_k band[k] * filter[n - 2 k + offset]. With n = 2 m + p
        # and k = m + t, each phase p of x is a sum over shifts t of the band.
        taps = self._filters.taps
        if self.mode == "periodization":
            offset, around = taps // 2 - 1, taps // 4
            low, high = (
                extend(band, axis, around, around, "periodic") for band in (low, high)
            )
            shifts = range(-around, around + 1)
        else:
            offset = taps - 2
            shifts = range(taps // 2)

        windows = [*shifted(low, axis, len(shifts)), *shifted(high, axis, len(shifts))]

        def phase(p: int) -> Any:
            weights = [
                filter_[offset + p - 2 * t] if 0 <= offset + p - 2 * t < taps else 0.0
                for filter_ in (self._filters.rec_lo, self._filters.rec_hi)
                for t in shifts
            ]
            return weighted_sum(windows, weights)

        return interleave(phase(0), phase(1), axis)

    def build(self, input_shape: Any) -> None:
        """Checks that the subbands fit together.

        Args:
            input_shape: shape of the subbands, or the list of their shapes.

        Raises:
            ValueError: they do not.
        """
        self.compute_output_shape(input_shape)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Returns the shape of the images.

        Args:
            input_shape: shape of the subbands, or the list of their shapes.

        Raises:
            ValueError: the subbands do not fit together.
        """
        many = isinstance(input_shape[0], (list, tuple))
        levels = list(input_shape) if many else [input_shape]
        channels, rest = divmod(levels[0][self._channel], 4)
        fits = rest == 0
        sizes = self._spatial(levels[0])
        for level in levels[1:]:
            rebuilt = [self._rebuilt(size) for size in sizes]
            sizes = self._spatial(level)
            fits &= level[self._channel] == 3 * channels
            fits &= all(
                ours is None or theirs is None or ours - theirs in (0, 1)
                for ours, theirs in zip(rebuilt, sizes, strict=True)
            )
        sizes = [self._rebuilt(size) for size in sizes]
        if not fits or any(size is not None and size < 1 for size in sizes):
            raise ValueError(
                f"These are not the subbands that DWT2D(wavelet={self.wavelet!r}, "
                f"mode={self.mode!r}) gives. Received shapes: {levels}"
            )
        shape = list(levels[0])
        shape[self._channel] = channels
        shape[self._height : self._height + 2] = [
            None if size is None else size - crop
            for size, crop in zip(sizes, self.crop, strict=True)
        ]
        return tuple(shape)

    def _rebuilt(self, size: int | None) -> int | None:
        """Returns the length of the signal with bands of this length."""
        if size is None:
            return None
        excess = 0 if self.mode == "periodization" else self._filters.taps - 2
        return 2 * size - excess

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "wavelet": self.wavelet,
            "mode": self.mode,
            "crop": self.crop,
            "data_format": self.data_format,
        }
