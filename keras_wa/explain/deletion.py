"""Deletion: how fast the probability falls as the hottest pixels are taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from keras_wa.errors import unknown_name
from keras_wa.explain.heat import Heat
from keras_wa.progress import track

if TYPE_CHECKING:
    from keras_wa.explain.inputs import Probability, Rois

FILLS = ("blur", "mean")
# Sigma of the blur as part of the ROI's side: calcifications are smaller than that.
_BLUR = 1 / 16


def deletion_curves(
    probability: Probability,
    rois: Rois,
    heat: ArrayLike,
    steps: int = 20,
    fill: str = "blur",
    seed: int = 0,
    progress: bool = False,
) -> NDArray[np.float64]:
    """Removes pixels from the hottest to the coldest, in equal shares of the area.

    Args:
        probability: from ROIs to the probability of the explained class; it is called
            `steps + 1` times with all ROIs.
        rois: `(n, H, W)` in [0, 1].
        heat: `(n, H, W)`, finite.
        steps: number of shares.
        fill: what replaces a pixel: `"blur"`, the ROI under a Gaussian (sigma a
            sixteenth of its side); `"mean"`, the ROI's mean.
        seed: of the order among pixels of equal heat.
        progress: whether to draw a progress bar on stderr.

    Returns:
        The probability after 0, 1, ... `steps` shares, float64 `(n, steps + 1)`.

    Raises:
        UserError: another fill.

    Source: Petsiuk et al. 2018, "RISE", section 4.2.
    """
    ranks = _ranks(np.asarray(heat), seed)
    content = _content(rois, fill)
    area = rois.shape[1] * rois.shape[2]
    curves = []
    for step in track(range(steps + 1), "Deleting pixels", enabled=progress):
        removed = ranks < round(area * step / steps)
        curves.append(probability(np.where(removed, content, rois)))
    return np.stack(curves, axis=1)


def deletion_areas(curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area under each deletion curve, `(n,)` in [0, 1]; lower is a better explanation.

    Args:
        curves: what `deletion_curves` gave.
    """
    return np.trapezoid(curves, dx=1 / (curves.shape[1] - 1), axis=1)


def random_heat(shape: tuple[int, int, int], cell: int, seed: int = 0) -> Heat:
    """Heat that knows nothing: the random order that deletion is compared with.

    Args:
        shape: `(n, H, W)`.
        cell: side in pixels of the squares that share a value. Heat comes in blobs as
            large as the cells of its feature map; single pixels taken at random would
            harm a ROI otherwise than blobs do.
        seed: of the values.

    Returns:
        float32 `shape` in [0, 1).
    """
    n, height, width = shape
    rng = np.random.default_rng(seed)
    cells = rng.random((n, -(-height // cell), -(-width // cell)), dtype=np.float32)
    return cells.repeat(cell, axis=1).repeat(cell, axis=2)[:, :height, :width]


def _ranks(heat: NDArray[np.floating], seed: int) -> NDArray[np.int64]:
    """Position of each pixel, the hottest 0, `(n, H, W)`."""
    flat = heat.reshape(len(heat), -1)
    ties = np.random.default_rng(seed).random(flat.shape)
    order = np.stack([np.lexsort((t, -h)) for h, t in zip(flat, ties, strict=True)])
    return np.argsort(order, axis=1).reshape(heat.shape)


def _content(rois: Rois, fill: str) -> Rois:
    """What stands behind the pixels, broadcastable to `rois`."""
    if fill not in FILLS:
        raise unknown_name("fill", fill, FILLS)
    if fill == "mean":
        return rois.mean(axis=(1, 2), keepdims=True)
    sigma = _BLUR * min(rois.shape[1:])
    return ndimage.gaussian_filter(rois, sigma, axes=(1, 2))
