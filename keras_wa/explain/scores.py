"""Scores of heat against masks of calcifications, and their values by chance.

`heat` is `(n, H, W)`, finite, 0 or more; `masks` is bool `(n, H, W)` with at least one
pixel each. A constant map has the score of chance.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage, stats

from keras_wa.metrics.arguments import as_group_codes
from keras_wa.metrics.bootstrap import percentile_interval
from keras_wa.metrics.estimate import Estimate
from keras_wa.metrics.resampling import resampled_sums

FloatArray = NDArray[np.float64]
Heat = NDArray[np.float32]
Masks = NDArray[np.bool_]


def as_heat(maps: ArrayLike) -> Heat:
    """Scales maps of evidence for a class, `(n, H, W)`, to heat in [0, 1].

    Evidence against the class (below 0) is clipped, and each map is divided by its
    maximum. A map without evidence is zero.
    """
    positive = np.maximum(np.asarray(maps, dtype=np.float32), 0)
    highest = positive.max(axis=(1, 2), keepdims=True)
    return np.divide(positive, highest, out=np.zeros_like(positive), where=highest > 0)


def pointing_game(heat: ArrayLike, masks: Masks, tolerance: float = 0.0) -> FloatArray:
    """Scores whether the hottest pixel lies in the mask, or `tolerance` px from it.

    Returns:
        float64 `(n,)`: 1 for a hit, 0 for a miss; a share with several hottest pixels.

    Source:
        Zhang et al. 2018, "Top-down neural attention by excitation backprop", section
        4.1 (tolerance 15 px there, on photographs).
    """
    values = _checked(heat, masks)
    hottest = values == values.max(axis=(1, 2), keepdims=True)
    hits = hottest & grown(masks, tolerance)
    return hits.sum(axis=(1, 2)) / hottest.sum(axis=(1, 2))


def energy_in_mask(heat: ArrayLike, masks: Masks) -> FloatArray:
    """Computes the share of heat in the mask.

    Returns:
        float64 `(n,)` in [0, 1]; without heat, the share of the mask in the area.

    Source:
        Wang et al. 2020, "Score-CAM", section 4.3 ("energy-based pointing game").
    """
    values = _checked(heat, masks)
    total = values.sum(axis=(1, 2))
    inside = np.where(masks, values, 0).sum(axis=(1, 2))
    return np.divide(inside, total, out=mask_share(masks), where=total > 0)


def mask_share(masks: Masks, tolerance: float = 0.0) -> FloatArray:
    """Computes the share of the mask in the area: the score of uniform heat."""
    return grown(masks, tolerance).mean(axis=(1, 2))


def grown(masks: Masks, tolerance: float) -> Masks:
    """Dilates masks by `tolerance` px (Euclidean)."""
    if tolerance <= 0:
        return masks
    distances = [ndimage.distance_transform_edt(~mask) for mask in masks]
    return np.stack(distances) <= tolerance


def rank_correlation(first: ArrayLike, second: ArrayLike) -> FloatArray:
    """Computes Spearman's correlation of two sets of maps over the pixels of each ROI.

    Returns:
        float64 `(n,)` in [-1, 1]; NaN if a map is constant.

    Source:
        Adebayo et al. 2018, "Sanity checks for saliency maps", section 3.
    """
    results = []
    for a, b in zip(np.asarray(first), np.asarray(second), strict=True):
        constant = np.ptp(a) == 0 or np.ptp(b) == 0
        correlation = (
            math.nan if constant else stats.spearmanr(a.ravel(), b.ravel()).statistic
        )
        results.append(float(correlation))
    return np.array(results)


def mean_interval(
    values: ArrayLike, groups: ArrayLike, n_resamples: int = 2000
) -> Estimate:
    """Computes the mean over ROIs with its 95 % patient-cluster bootstrap interval.

    ROIs with NaN are left out. Without values all results are NaN.
    """
    each = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(each)
    if not known.any():
        return Estimate(math.nan, math.nan, math.nan)
    each = each[known]
    codes, n_groups = as_group_codes(np.asarray(groups)[known])
    rows = np.stack([each, np.ones_like(each)])
    sums, counts = resampled_sums(rows, codes, n_resamples, seed=0)[1]
    return percentile_interval(float(each.mean()), sums / counts, n_groups, 0.95)


def _checked(heat: ArrayLike, masks: Masks) -> FloatArray:
    values = np.asarray(heat, dtype=np.float64)
    if values.ndim != 3 or values.shape != masks.shape or masks.dtype != np.bool_:
        raise ValueError(
            "heat and bool masks must both be (n, height, width). "
            f"Received: {values.shape} and {masks.dtype} {masks.shape}"
        )
    if not masks.any(axis=(1, 2)).all():
        raise ValueError("Each mask must have a pixel. Received: an empty mask")
    return values
