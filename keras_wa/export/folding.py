"""Folds the wavelet transform of a trained network into its first convolution."""

from __future__ import annotations

import re
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from keras_wa.export.batch_normalization import (
    affine_of,
    calls_of,
    fold_batch_normalization,
    users_of,
)
from keras_wa.layers import DWT2D, SubbandNormalization
from keras_wa.layers.wavelets import filter_bank
from keras_wa.models.graft import graft

Floats = NDArray[np.float64]

_KINDS: dict[type, str] = {
    DWT2D: "d",
    layers.BatchNormalization: "n",
    SubbandNormalization: "n",
    layers.Reshape: "r",
    layers.ZeroPadding2D: "p",
    layers.Conv2D: "c",
}
_STEM = re.compile("n?d(n|rnr)?p?c")
"""Optional normalisation; DWT; optional normalisation; padding; convolution."""


def fold(model: keras.Model) -> keras.Model:
    """Returns a copy for inference: `fold_batch_normalization`, then `fold_dwt`."""
    return fold_dwt(fold_batch_normalization(model))


def fold_dwt(model: keras.Model) -> keras.Model:
    """Folds a Haar DWT and its normalisation into the convolution that follows.

    A coefficient of Haar is a sum over 2x2 pixels, without overlap within a band, so
    that a convolution of side k and stride t on subbands equals one of side 2k and
    stride 2t on pixels. With `haar[band, r, s]` the weights of that sum, W the kernel
    on subbands and their normalisation `scale[band] * (coefficient - zero[band])`:

        K[2m+r, 2n+s] = sum_band haar[band, r, s] scale[band] W[m, n, band]

    Zero padding of the normalised subbands corresponds to `zero`. So the 2x2 pixels
    whose DWT is `zero` are subtracted from all pixels, which are padded with twice as
    many zeros: the borders are exact too. The bias does not change.

    In float32 both are equally close to the exact result: within 1e-6 of the map's
    largest value, or 1e-5 with a normalised band of variance 1e-5.

    Args:
        model: a flat functional model; it is not changed.

    Returns:
        A copy for inference, without each `DWT2D` that can be folded: one level of
        `"haar"` in float32 on an image of even size, with a `Conv2D` of padding
        `"valid"` as its only user, optionally after a normalisation and a
        `ZeroPadding2D`. Longer wavelets, which mirror the border, and more levels stay.
        The model itself, if there is none.
    """
    for name in [layer.name for layer in model.layers if isinstance(layer, DWT2D)]:
        chain = _chain(model, model.get_layer(name))
        if chain:
            model = _without(model, chain)
    return model


def _chain(model: keras.Model, dwt: DWT2D) -> list[Any]:
    """Returns the layers to fold into the last one, a convolution; empty if none."""
    users = users_of(model)
    before = dwt.input._keras_history.operation
    standardised = _KINDS.get(type(before)) == "n" and users[id(dwt.input)] == [dwt]
    chain: list[Any] = [before, dwt] if standardised else [dwt]
    while type(chain[-1]) is not layers.Conv2D:
        following = users[id(chain[-1].output)]
        if len(following) != 1 or type(following[0]) not in _KINDS:
            return []
        chain += following
    fits = (
        _STEM.fullmatch("".join(_KINDS[type(layer)] for layer in chain))
        and all(side is not None and side % 2 == 0 for side in dwt.input.shape[1:3])
        and (dwt.levels, filter_bank(dwt.wavelet).taps) == (1, 2)
        and all(map(_is_plain, chain))
        # With a scale of 0 there is no `zero`.
        and np.all(_normalisation(chain)[0])
    )
    return chain if fits else []


def _is_plain(layer: Any) -> bool:
    """Returns whether a layer is called once and only does what `_without` handles."""
    if isinstance(layer, layers.Conv2D) and (
        layer.padding != "valid" or layer.groups != 1 or layer.dilation_rate != (1, 1)
    ):
        return False
    before, after = layer.input.shape, layer.output.shape
    longer = (*before, 1) == after or (*after, 1) == before
    if isinstance(layer, layers.Reshape) and not longer:
        return False
    return (
        len(calls_of(layer)) == 1
        and layer.compute_dtype == "float32"
        and getattr(layer, "data_format", "channels_last") == "channels_last"
        and getattr(layer, "axis", -1) in (-1, len(before) - 1)
    )


def _haar(dwt: DWT2D) -> Floats:
    """Returns the weights of 2x2 pixels in each band, `(4, 2, 2)`."""
    bank = filter_bank(dwt.wavelet)
    low, high = np.array(bank.dec_lo[::-1]), np.array(bank.dec_hi[::-1])
    pairs = ((low, low), (high, low), (low, high), (high, high))  # LL, LH, HL, HH
    return np.stack([np.outer(rows, columns) for rows, columns in pairs])


def _normalisation(chain: list[Any]) -> tuple[Floats, Floats]:
    """Returns factor and offset of each channel of the image's DWT, `(4 C,)`."""
    at = next(i for i, layer in enumerate(chain) if isinstance(layer, DWT2D))
    factor = np.ones(chain[at].output.shape[-1])
    offset = np.zeros_like(factor)
    for i, layer in enumerate(chain):
        if _KINDS[type(layer)] == "n":
            scale, shift = affine_of(layer)
            if i < at:
                of_ones = _haar(chain[at]).sum(axis=(1, 2))
                scale, shift = np.tile(scale, 4), np.outer(of_ones, shift).ravel()
            factor, offset = factor * scale, offset * scale + shift
    return factor, offset


def _without(model: keras.Model, chain: list[Any]) -> keras.Model:
    """Returns a copy in which the layers of a chain are folded into the last."""
    dwt = next(layer for layer in chain if isinstance(layer, DWT2D))
    conv, haar, (_, height, width, channels) = chain[-1], _haar(dwt), dwt.input.shape
    factor, offset = _normalisation(chain)
    zero = (-offset / factor).reshape(4, channels)
    square = np.linalg.inv(haar.reshape(4, 4)) @ zero
    repeats = (height // 2, width // 2, 1)
    zeros = np.tile(square.reshape(2, 2, channels), repeats).astype("float32")

    kernel, *bias = conv.get_weights()
    rows, columns, _, filters = kernel.shape
    scaled = kernel * factor[:, None]
    on_pixels = np.einsum(
        "brs,mnbcf->mrnscf",
        haar,
        scaled.reshape(rows, columns, 4, channels, filters),
    ).reshape(2 * rows, 2 * columns, channels, filters)

    changes: dict[str, dict[str, Any]] = {
        layer.name: {"kernel_initializer": "zeros"}  # Random weights take time.
        for layer in model.layers
        if hasattr(layer, "kernel_initializer")
    }
    changes[conv.name] |= {
        "kernel_size": (2 * rows, 2 * columns),
        "strides": tuple(2 * stride for stride in conv.strides),
    }
    first, *_, last = chain
    if isinstance(chain[-2], layers.ZeroPadding2D):
        last = chain[-2]
        padding = tuple((2 * low, 2 * high) for low, high in last.padding)
        changes[last.name] = {"padding": padding}
    seen: list[Any] = []

    def see(pixels: Any) -> Any:
        seen.append(pixels)
        return pixels

    def pixels(bands: Any) -> Any:
        return seen[0] - zeros if zeros.any() else seen[0]

    copy = graft(model, {}, changes, before={first.name: see, last.name: pixels})
    for layer in copy.layers:
        if layer.name == conv.name:
            layer.set_weights([on_pixels, *bias])
        elif layer.weights:
            layer.set_weights(model.get_layer(layer.name).get_weights())
    return copy
