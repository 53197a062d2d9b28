"""Filters, borders and sizes of the wavelet transform and its inverse."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import pywt
from keras import ops

from keras_wa.errors import unknown_name

MODES = ("symmetric", "reflect", "zero", "periodization")
"""Border modes, as PyWavelets names and defines them."""


class FilterBank(NamedTuple):
    """The four filters of a wavelet, all of the same even length."""

    dec_lo: tuple[float, ...]
    dec_hi: tuple[float, ...]
    rec_lo: tuple[float, ...]
    rec_hi: tuple[float, ...]

    @property
    def taps(self) -> int:
        """The filters' length."""
        return len(self.dec_lo)


@functools.cache
def filter_bank(wavelet: str) -> FilterBank:
    """Looks up a wavelet's filters in PyWavelets.

    Args:
        wavelet: a name of `pywt.wavelist(kind="discrete")`: Haar, Daubechies,
            symlets, coiflets, biorthogonal and reverse biorthogonal splines, Meyer.

    Returns:
        Its filters, in double precision.

    Raises:
        UserError: the wavelet is unknown.
    """
    known = pywt.wavelist(kind="discrete")
    if wavelet not in known:
        raise unknown_name("wavelet", wavelet, known)
    return FilterBank(*(tuple(taps) for taps in pywt.Wavelet(wavelet).filter_bank))


def check_mode(mode: str) -> str:
    """Returns `mode` if it is one of `MODES`.

    Raises:
        UserError: it is not.
    """
    if mode not in MODES:
        raise unknown_name("wavelet mode", mode, MODES)
    return mode


def spatial_axes(data_format: str | None) -> tuple[str, int, int]:
    """Resolves a data format.

    Args:
        data_format: `"channels_last"`, `"channels_first"` or None for Keras' setting.

    Returns:
        The data format and the axes of the height and of the channels.

    Raises:
        ValueError: the data format is unknown.
    """
    data_format = data_format or keras.config.image_data_format()
    if data_format == "channels_last":
        return data_format, 1, 3
    if data_format == "channels_first":
        return data_format, 2, 1
    raise ValueError(
        "data_format must be 'channels_last' or 'channels_first'. "
        f"Received: {data_format!r}"
    )


def band_size(size: Any, taps: int, mode: str) -> Any:
    """Returns the length of a subband: `pywt.dwt_coeff_len` for unknown sizes too.

    Args:
        size: length of the signal; an int, None or a scalar tensor.
        taps: length of the filters.
        mode: one of `MODES`.

    Returns:
        The length, of the same kind as `size`.
    """
    if size is None:
        return None
    return (size + 1) // 2 if mode == "periodization" else (size + taps - 1) // 2


def extend(x: Any, axis: int, before: int, after: Any, mode: str) -> Any:
    """Extends a tensor at its borders along one axis.

    Args:
        x: the tensor.
        axis: the axis.
        before: number of samples to add before the first.
        after: number of samples to add after the last; an int or a scalar tensor.
        mode: one of `MODES`, or `"periodic"`. A signal shorter than the extension is
            extended repeatedly. `"periodization"` first repeats the last sample of an
            odd signal.

    Returns:
        The tensor, `before + after` longer.
    """
    if isinstance(before, int) and isinstance(after, int) and before == after == 0:
        return x
    size = ops.shape(x)[axis]

    def continuation(start: Any, stop: Any) -> Any:
        index = _fold(ops.arange(start, stop, dtype="int32"), size, mode)
        samples = ops.take(x, index, axis=axis)
        return ops.zeros_like(samples) if mode == "zero" else samples

    parts = [x, continuation(size, size + after)]
    if before:
        parts.insert(0, continuation(-before, 0))
    return ops.concatenate(parts, axis=axis)


def _fold(index: Any, size: Any, mode: str) -> Any:
    """Maps positions outside a signal to the positions that they repeat."""
    if mode == "periodization":
        return ops.minimum(ops.mod(index, size + size % 2), size - 1)
    if mode == "symmetric":
        index = ops.mod(index, 2 * size)
        return ops.minimum(index, 2 * size - 1 - index)
    if mode == "reflect":
        period = ops.maximum(2 * size - 2, 1)
        index = ops.mod(index, period)
        return ops.minimum(index, period - index)
    return ops.mod(index, size)


def filter_pair(
    even: Any, odd: Any, axis: int, filters: Sequence[Sequence[float]]
) -> tuple[Any, Any]:
    """Filters a signal, given as its even and odd samples, to two bands.

    `band[k] = sum_i filter[2 i] even[k + i] + filter[2 i + 1] odd[k + i]`. The gradient
    is written out: automatic differentiation pads each window to the whole length,
    which takes five times as long.

    Args:
        even: tensor of the even samples.
        odd: tensor of the odd samples, of the same shape.
        axis: the axis of the signal.
        filters: filters of the two bands, of the same even length.

    Returns:
        The bands, half a filter less one shorter than `even`.
    """
    count = len(filters[0]) // 2

    @ops.custom_gradient
    def analyse(even: Any, odd: Any) -> tuple[Any, Any]:
        def gradient(*upstream: Any) -> tuple[Any, Any]:
            # JAX passes the two as one tuple, TensorFlow one by one.
            bands = upstream if len(upstream) == 2 else upstream[0]
            windows = [
                window
                for band in bands
                for window in shifted(_zero_padded(band, axis, count - 1), axis, count)
            ]
            low, high = filters
            return (
                weighted_sum(windows, [*low[::2][::-1], *high[::2][::-1]]),
                weighted_sum(windows, [*low[1::2][::-1], *high[1::2][::-1]]),
            )

        windows = [*shifted(even, axis, count), *shifted(odd, axis, count)]
        low, high = (weighted_sum(windows, [*f[::2], *f[1::2]]) for f in filters)
        return (low, high), gradient

    return analyse(even, odd)


def _zero_padded(x: Any, axis: int, width: int) -> Any:
    if width == 0:
        return x
    widths = [(0, 0)] * len(x.shape)
    widths[axis] = (width, width)
    return ops.pad(x, widths)


def shifted(x: Any, axis: int, count: int) -> list[Any]:
    """Returns `count` windows of a tensor along one axis, each shifted by one."""
    spare = count - 1
    before = (slice(None),) * axis
    ends = [(*before, slice(i, i - spare or None)) for i in range(count)]
    return [x[end] for end in ends]


def weighted_sum(windows: Sequence[Any], weights: Sequence[float]) -> Any:
    """Sums tensors with weights; weights of zero are skipped.

    Not a convolution: GPUs and TPUs compute those of float32 with shorter mantissas by
    default, which costs three digits.
    """
    terms = [
        window * weight
        for window, weight in zip(windows, weights, strict=True)
        if weight != 0.0
    ]
    return functools.reduce(operator.add, terms)


def deinterleave(x: Any, axis: int) -> list[Any]:
    """Splits an even number of samples into the even and the odd ones.

    Not a slice of step 2, which is several times slower on TensorFlow on a CPU.
    """
    shape = list(ops.shape(x))
    pairs = ops.reshape(x, (*shape[:axis], shape[axis] // 2, 2, *shape[axis + 1 :]))
    return ops.unstack(pairs, num=2, axis=axis + 1)


def interleave(even: Any, odd: Any, axis: int) -> Any:
    """The inverse of `deinterleave`."""
    shape = list(ops.shape(even))
    pairs = ops.stack([even, odd], axis=axis + 1)
    return ops.reshape(pairs, (*shape[:axis], 2 * shape[axis], *shape[axis + 1 :]))
