"""Converts the first convolution of ResNet-50 from pixels to subbands."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keras_wa.layers.wavelets import filter_bank

PIXEL_KERNEL = 7
"""Side of ResNet-50's first kernel, of stride 2."""

SUBBAND_KERNEL = 5
"""Side of the kernel on subbands, of stride 1."""

Floats = NDArray[np.floating]

_PASSES = ((0, 0), (1, 0), (0, 1), (1, 1))
"""Of LL, LH, HL, HH: 1 for the high pass over rows, over columns."""


def subband_stem(kernel: Floats, wavelet: str) -> tuple[Floats, float]:
    """Converts ResNet-50's first kernel to one on the subbands of the image.

    Haar's DWT is orthonormal, so that a 7x7 convolution of stride 2 on an image equals
    a 5x5 convolution of stride 1 on its subbands. With K the kernel, zero outside 0..6,
    m and n in -2..2, r and s in {0, 1}:

        W[m+2, n+2, band] = 1/2 sum_{r,s} sign(band, r, s) K[2m+r+3, 2n+s+3]
        sign: LL 1, LH (-1)^r, HL (-1)^s, HH (-1)^(r+s)

    With an image of even size, zero-padded by 3 for K and its subbands by 2 for W, both
    give the same map, borders included.

    For any wavelet: along an axis, band[k] = sum_i f[i] x[2k+1-i], and a kernel w on
    the bands equals the kernel c[t] = sum_{m,f} w[m, f] f[2m+1-t] on the image. With A
    the matrix that maps w to c, W = pinv(A) K pinv(A)^T is the least squares solution,
    where K is shifted left by `taps/2 - 1` samples relative to Haar, as the
    coefficients are. For Haar this is the sum above. `"db2"` is exact except at the
    borders, which the DWT mirrors. Longer wavelets would need a kernel larger than 5x5.

    Args:
        kernel: kernel on a grey image, `(7, 7, 1, filters)`.
        wavelet: name of the wavelet, see `DWT2D`.

    Returns:
        The kernel on LL, LH, HL, HH, `(5, 5, 4, filters)`, in the dtype of `kernel`;
        and the relative error: the norm of the difference between the equivalent kernel
        on the image and `kernel`, divided by the norm of `kernel`.

    Raises:
        UserError: the wavelet is unknown.
        ValueError: the kernel has another shape.

    Source:
        Perfect reconstruction of orthonormal wavelets: Mallat 1989. Noble identities:
        Vaidyanathan 1993, "Multirate Systems and Filter Banks", chapter 4.
    """
    _check(kernel)
    taps, half = filter_bank(wavelet).taps, SUBBAND_KERNEL // 2
    first = 2 - 2 * half - taps  # First sample of the leftmost coefficient.
    seen = np.zeros((2 * half + 2 - first, 2, SUBBAND_KERNEL))
    for band, taps_of_band in enumerate(filter_bank(wavelet)[:2]):
        for m in range(-half, half + 1):
            for i, tap in enumerate(taps_of_band):
                seen[2 * m + 1 - i - first, band, m + half] = tap
    matrix = seen.reshape(len(seen), -1)

    start = -(PIXEL_KERNEL // 2) - (taps // 2 - 1) - first
    filters = kernel.shape[3]
    target = np.zeros((len(matrix), len(matrix), filters))
    inside = slice(start, start + PIXEL_KERNEL)
    target[inside, inside] = kernel[:, :, 0]

    inverse = np.linalg.pinv(matrix)
    solved = np.einsum("at,tuf,bu->abf", inverse, target, inverse)
    reached = np.einsum("ta,abf,ub->tuf", matrix, solved, matrix)
    norm = np.linalg.norm(target)
    error = float(np.linalg.norm(reached - target) / norm) if norm else 0.0

    side = SUBBAND_KERNEL
    passes = solved.reshape(2, side, 2, side, filters)  # Low or high, m; low or high, n
    bands = [passes[rows, :, columns] for rows, columns in _PASSES]
    return np.stack(bands, axis=2).astype(kernel.dtype), error


def average_stem(kernel: Floats, wavelet: str) -> tuple[Floats, float]:
    """Puts ResNet-50's first kernel on LL, for an image of twice the side.

    LL / 2 of Haar is the average of 2x2 pixels: the stem sees the image at half its
    resolution. The kernel is zero on the detail bands, which training can use. LL / 2
    of another wavelet is a smoother average.

    Args:
        kernel: kernel on a grey image, `(7, 7, 1, filters)`.
        wavelet: not used.

    Returns:
        The kernel on LL, LH, HL, HH, `(7, 7, 4, filters)`, in the dtype of `kernel`;
        and 0, the relative error, see `subband_stem`.

    Raises:
        ValueError: the kernel has another shape.
    """
    _check(kernel)
    details = np.zeros_like(kernel).repeat(3, axis=2)
    return np.concatenate([kernel / 2, details], axis=2).astype(kernel.dtype), 0.0


def _check(kernel: Floats) -> None:
    if kernel.ndim != 4 or kernel.shape[:3] != (PIXEL_KERNEL, PIXEL_KERNEL, 1):
        raise ValueError(
            f"The kernel must be of shape (7, 7, 1, filters). Received: {kernel.shape}"
        )


class ExactStem(NamedTuple):
    """A stem on subbands that can start as ResNet-50's stem on pixels."""

    stem_kernel: int
    stem_stride: int
    convert: Callable[[Floats, str], tuple[Floats, float]]
    """Kernel on grey and wavelet -> kernel on subbands and its relative error."""


EXACT_STEMS = {
    "field": ExactStem(SUBBAND_KERNEL, 1, subband_stem),
    "detail": ExactStem(PIXEL_KERNEL, 2, average_stem),
}
"""The values of `graft` other than `"none"`."""
