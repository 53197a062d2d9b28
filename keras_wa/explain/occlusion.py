"""Occlusion: the fall of the probability when a patch of the ROI is hidden."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from keras_wa.errors import UserError, unknown_name
from keras_wa.progress import track

if TYPE_CHECKING:
    from keras_wa.explain.model_inputs import Probability, Rois

FILLS = ("local", "roi")


def patch_and_stride(
    side: int, patch: int | None = None, stride: int | None = None
) -> tuple[int, int]:
    """Returns patch and stride of `occlusion_maps`; `side` is the ROIs' shorter one."""
    patch = max(1, side // 8) if patch is None else patch
    if not 1 <= patch <= side:
        raise UserError(f"`patch`. Received: {patch}; expected 1 to {side} pixels.")
    stride = max(1, patch // 2) if stride is None else stride
    if not 1 <= stride <= patch:
        raise UserError(
            f"`stride`. Received: {stride}; expected 1 to {patch} pixels, the patch, "
            "or some pixels would never be hidden."
        )
    return patch, stride


def occlusion_maps(
    probability: Probability,
    rois: Rois,
    patch: int | None = None,
    stride: int | None = None,
    fill: str = "local",
    progress: bool = False,
) -> NDArray[np.float32]:
    """Computes the effect of hiding each patch on the probability.

    The value of a pixel is `p(ROI) - p(ROI with the patch hidden)`, averaged over the
    patches that cover it. With p = 1.000 the map of an ROI can be empty.

    Args:
        probability: function from ROIs to the probability of the explained class,
            called for each position of the patch with all ROIs.
        rois: `(n, H, W)` in [0, 1].
        patch: side of the patch in pixels; by default an eighth of the ROI.
        stride: distance of patches, pixels, at most `patch`; by default half of it. The
            last patch of a row or column ends at the border.
        fill: replacement of the pixels: `"local"`, the mean of the patch, which keeps
            the brightness of the tissue; `"roi"`, the mean of the ROI.
        progress: whether to show a progress bar on stderr.

    Returns:
        float32 `(n, H, W)` in [-1, 1]; above 0 is evidence for the class. `as_heat`
        converts it to heat.

    Source:
        Zeiler & Fergus 2014, "Visualizing and understanding convolutional networks",
        section 2.1.
    """
    height, width = rois.shape[1:]
    patch, stride = patch_and_stride(min(height, width), patch, stride)
    if fill not in FILLS:
        raise unknown_name("fill", fill, FILLS)

    before = probability(rois)
    total = np.zeros(rois.shape, np.float64)
    covered = np.zeros((height, width), np.float64)
    of_roi = rois.mean(axis=(1, 2), keepdims=True)
    starts = (_starts(length, patch, stride) for length in (height, width))
    for top, left in track(
        list(itertools.product(*starts)), "Hiding patches", enabled=progress
    ):
        window = np.s_[..., top : top + patch, left : left + patch]
        hidden = rois.copy()
        of_patch = rois[window].mean(axis=(1, 2), keepdims=True)
        hidden[window] = of_patch if fill == "local" else of_roi
        total[window] += (before - probability(hidden))[:, np.newaxis, np.newaxis]
        covered[window] += 1
    return (total / covered).astype(np.float32)


def _starts(length: int, patch: int, stride: int) -> list[int]:
    last = length - patch
    return [*range(0, last, stride), last]
