"""Deletion: the fall of the probability as the hottest pixels are removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from keras_wa.errors import unknown_name
from keras_wa.explain.scores import Heat
from keras_wa.progress import track

if TYPE_CHECKING:
    from keras_wa.explain.model_inputs import Probability, Rois

FILLS = ("blur", "mean")
# Sigma of the blur as a fraction of the ROI's side; calcifications are smaller.
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
        probability: function from ROIs to the probability of the explained class,
            called `steps + 1` times with all ROIs.
        rois: `(n, H, W)` in [0, 1].
        heat: `(n, H, W)`, finite.
        steps: number of steps.
        fill: replacement of removed pixels: `"blur"`, the ROI blurred by a Gaussian
            (sigma a sixteenth of its side); `"mean"`, the mean of the ROI.
        seed: seed of the order of pixels of equal heat.
        progress: whether to show a progress bar on stderr.

    Returns:
        The probability after 0, 1, ... `steps` steps, float64 `(n, steps + 1)`.

    Source:
        Petsiuk et al. 2018, "RISE", section 4.2.
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
    """Computes the area under each deletion curve, in [0, 1]; lower is better."""
    return np.trapezoid(curves, dx=1 / (curves.shape[1] - 1), axis=1)


def random_heat(shape: tuple[int, int, int], cell: int, seed: int = 0) -> Heat:
    """Draws random heat, the baseline of deletion, in squares of `cell` pixels.

    Use the cells of the feature map: removing single pixels has another effect than
    removing blobs.
    """
    n, height, width = shape
    rng = np.random.default_rng(seed)
    cells = rng.random((n, -(-height // cell), -(-width // cell)), dtype=np.float32)
    return cells.repeat(cell, axis=1).repeat(cell, axis=2)[:, :height, :width]


def _ranks(heat: NDArray[np.floating], seed: int) -> NDArray[np.int64]:
    """Returns the rank of each pixel, 0 for the hottest, `(n, H, W)`."""
    flat = heat.reshape(len(heat), -1)
    ties = np.random.default_rng(seed).random(flat.shape)
    order = np.stack([np.lexsort((t, -h)) for h, t in zip(flat, ties, strict=True)])
    return np.argsort(order, axis=1).reshape(heat.shape)


def _content(rois: Rois, fill: str) -> Rois:
    """Returns the replacement of the pixels, broadcastable to `rois`."""
    if fill not in FILLS:
        raise unknown_name("fill", fill, FILLS)
    if fill == "mean":
        return rois.mean(axis=(1, 2), keepdims=True)
    sigma = _BLUR * min(rois.shape[1:])
    return ndimage.gaussian_filter(rois, sigma, axes=(1, 2))
