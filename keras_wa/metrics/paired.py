"""Systems trained with several seeds: their means and paired differences.

The uncertainty of a method has two parts: patients and seeds. Both are resampled here,
patients for all models at once, since all models predicted the same ROIs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_wa.metrics.arguments import (
    FloatArray,
    IntArray,
    as_group_codes,
    as_labels,
    as_probabilities,
    as_scores,
    require_equal_lengths,
)
from keras_wa.metrics.bootstrap import percentile_interval
from keras_wa.metrics.classification import METRIC_NAMES
from keras_wa.metrics.delong import delong_seeds_test
from keras_wa.metrics.resampling import resample, resampled_metrics

# Probabilities `(S, n)`, a row per seed, and thresholds `(S,)` or `(S, n)`.
_System = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class SeedsEstimate:
    """A metric of a system over its seeds.

    `mean_over_seeds` computes it.

    Attributes:
        values: the metric of each seed; NaN if undefined.
        mean: mean of the values; NaN if one of them is.
        sd: standard deviation of the values (n - 1); NaN for a single seed.
        low: lower limit of the mean's interval; NaN if undefined.
        high: upper limit of the mean's interval; NaN if undefined.

    Example:
        >>> from keras_wa.metrics import SeedsEstimate
        >>> estimate = SeedsEstimate((0.75, 0.85), mean=0.8, sd=0.07, low=0.7, high=0.9)
        >>> print(f"{estimate.mean} over {len(estimate.values)} seeds")
        0.8 over 2 seeds
    """

    values: tuple[float, ...]
    mean: float
    sd: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """Difference of a metric's mean over seeds between two systems.

    `paired_differences` computes it.

    Attributes:
        value: first minus second.
        low: lower limit of its interval; NaN if undefined.
        high: upper limit of its interval; NaN if undefined.
        p_value: two-sided p-value of no difference; NaN if undefined.

    Example:
        >>> from keras_wa.metrics import Difference
        >>> difference = Difference(0.03, low=-0.01, high=0.07, p_value=0.14)
        >>> difference.low <= 0 <= difference.high
        True
    """

    value: float
    low: float
    high: float
    p_value: float


def mean_over_seeds(
    y_true: ArrayLike,
    y_score: ArrayLike,
    thresholds: ArrayLike,
    groups: Any,
    n_resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, SeedsEstimate]:
    """Computes each metric's mean over seeds, with intervals by patient and seed.

    Each resample draws patients and seeds with replacement, and takes the mean of the
    drawn seeds' metrics on the drawn patients. With S seeds the seeds' part of the
    variance is too small by the factor (S - 1) / S. The interval of a single seed is
    that of one trained model.

    Args:
        y_true: labels, shape `(n,)`, 0 or 1.
        y_score: probabilities, shape `(S, n)`, in [0, 1], one row per seed.
        thresholds: decision thresholds, shape `(S,)`, one per seed, or `(S, n)`, one
            per seed and ROI.
        groups: `n` patient identifiers.
        n_resamples: number of resamples, at least 1.
        seed: seed of the resampling.
        confidence: nominal coverage of the intervals, in (0, 1).

    Returns:
        A dictionary of `SeedsEstimate`, with the metrics of `classification_metrics`.

    Raises:
        ValueError: an argument is malformed, or the lengths differ.

    Example:
        >>> from keras_wa.metrics import mean_over_seeds
        >>> y_true, patients = [0, 0, 1, 1], ["a", "b", "c", "d"]
        >>> y_score = [[0.1, 0.6, 0.4, 0.9], [0.2, 0.3, 0.6, 0.8]]
        >>> found = mean_over_seeds(y_true, y_score, [0.5, 0.5], patients)
        >>> found["auc"].values, found["auc"].mean
        ((0.75, 1.0), 0.875)
    """
    y = as_labels(y_true)
    codes, n_groups = as_group_codes(groups)
    system = _as_system("probabilities", y_score, thresholds)
    require_equal_lengths(y_true=y, groups=codes, y_score=system[0][0])
    drawn = _resampled(y, system, codes, n_groups, n_resamples, [seed, 1])
    estimates = {}
    for name, values in _values(y, system).items():
        mean = float(np.mean(values))
        sd = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
        ends = percentile_interval(mean, drawn[name], n_groups, confidence)
        estimates[name] = SeedsEstimate(
            tuple(values.tolist()), mean, sd, ends.low, ends.high
        )
    return estimates


def paired_differences(
    y_true: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    groups: Any,
    first_thresholds: ArrayLike,
    second_thresholds: ArrayLike,
    n_resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Difference]:
    """Compares two systems on the same ROIs, with intervals by patient and seed.

    Each resample draws the same patients for both systems, and seeds for each of them,
    see `mean_over_seeds`. The p-value is twice the smaller share of resamples on either
    side of no difference, with one added to count and number, so that it is at least
    2 / (n_resamples + 1). The p-value of the AUC is in closed form, by DeLong's
    covariance and the variance between seeds.

    Args:
        y_true: labels, shape `(n,)`, 0 or 1.
        first: probabilities of the first system, shape `(S1, n)`, one row per seed.
        second: probabilities of the second system, shape `(S2, n)`, in the same order.
        groups: `n` patient identifiers.
        first_thresholds: decision thresholds, shape `(S1,)` or `(S1, n)`.
        second_thresholds: decision thresholds, shape `(S2,)` or `(S2, n)`.
        n_resamples: number of resamples, at least 1.
        seed: seed of the resampling.
        confidence: nominal coverage of the intervals, in (0, 1).

    Returns:
        A dictionary of `Difference`, first minus second, with the metrics of
        `classification_metrics`. For `brier`, lower is better.

    Raises:
        ValueError: an argument is malformed, or the lengths differ.

    Example:
        >>> from keras_wa.metrics import paired_differences
        >>> y_true, patients = [0, 0, 1, 1], ["a", "b", "c", "d"]
        >>> first = [[0.2, 0.3, 0.6, 0.8], [0.1, 0.2, 0.7, 0.9]]
        >>> second = [[0.1, 0.6, 0.4, 0.9]]
        >>> found = paired_differences(
        ...     y_true, first, second, patients, [0.5, 0.5], [0.5], n_resamples=200
        ... )
        >>> found["auc"].value
        0.25

    Source:
        The bootstrap's p-value: Davison & Hinkley 1997, section 4.2. The covariance of
        AUCs: DeLong, DeLong & Clarke-Pearson 1988, doi:10.2307/2531595.
    """
    y = as_labels(y_true)
    codes, n_groups = as_group_codes(groups)
    a = _as_system("first", first, first_thresholds)
    b = _as_system("second", second, second_thresholds)
    require_equal_lengths(y_true=y, groups=codes, first=a[0][0], second=b[0][0])
    drawn_a, drawn_b = (
        _resampled(y, each, codes, n_groups, n_resamples, [seed, i])
        for i, each in enumerate((a, b), start=1)
    )
    values_a, values_b = _values(y, a), _values(y, b)
    differences = {}
    for name in METRIC_NAMES:
        value = float(np.mean(values_a[name]) - np.mean(values_b[name]))
        drawn = drawn_a[name] - drawn_b[name]
        ends = percentile_interval(value, drawn, n_groups, confidence)
        p_value = (
            delong_seeds_test(y, a[0], b[0], codes)
            if name == "auc"
            else _bootstrap_p_value(drawn, n_groups)
        )
        differences[name] = Difference(value, ends.low, ends.high, p_value)
    return differences


def holm(p_values: ArrayLike) -> FloatArray:
    """Adjusts p-values in [0, 1] for multiple tests (Holm 1979), in the same order."""
    p = as_scores(p_values)
    if p.min() < 0 or p.max() > 1:
        raise ValueError(f"p_values must lie in [0, 1]. Received: {p.tolist()}")
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return np.minimum(adjusted, 1)


def _as_system(name: str, probabilities: ArrayLike, thresholds: ArrayLike) -> _System:
    rows = np.asarray(probabilities)
    if rows.ndim != 2 or not len(rows):
        raise ValueError(
            f"{name} must have a row for each seed. Received: an array of shape "
            f"{rows.shape}"
        )
    chosen = np.asarray(thresholds, np.float64)
    as_scores(chosen.ravel())
    if chosen.shape not in (rows.shape[:1], rows.shape):
        raise ValueError(
            f"thresholds of {name} must be one per seed, or one per seed and ROI. "
            f"Received: shape {chosen.shape}; {name} is {rows.shape}."
        )
    return np.stack([as_probabilities(row) for row in rows]), chosen


def _of_seeds(
    y_true: IntArray, system: _System, codes: IntArray, counts: IntArray
) -> dict[str, FloatArray]:
    """Returns each metric of each resample and seed, `(n_resamples, S)`."""
    each = [
        resampled_metrics(y_true, p, codes, counts, threshold)
        for p, threshold in zip(*system, strict=True)
    ]
    return {
        name: np.stack([one[name] for one in each], axis=1) for name in METRIC_NAMES
    }


def _values(y_true: IntArray, system: _System) -> dict[str, FloatArray]:
    """Returns each metric of each seed, `(S,)`."""
    # One resample that draws each ROI once; faster than scikit-learn.
    each_roi, once = np.arange(len(y_true)), np.ones((1, len(y_true)), np.int64)
    found = _of_seeds(y_true, system, each_roi, once)
    return {name: values[0] for name, values in found.items()}


def _resampled(
    y_true: IntArray,
    system: _System,
    codes: IntArray,
    n_groups: int,
    n_resamples: int,
    stream: list[int],
) -> dict[str, FloatArray]:
    """Returns means over drawn seeds on drawn patients, `(n_resamples,)`.

    Args:
        stream: random stream of the seeds, one for each system. The patients are drawn
            from its first number, so that all systems have the same.
    """
    found = resample(
        lambda counts: _of_seeds(y_true, system, codes, counts),
        n_groups,
        len(y_true),
        n_resamples,
        stream[0],
    )
    n_seeds = len(system[1])
    rng = np.random.default_rng(stream)
    drawn = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), n_resamples)
    # NaN if one of the drawn seeds is.
    return {
        name: np.where(drawn > 0, values * drawn, 0).sum(axis=1) / drawn.sum(axis=1)
        for name, values in found.items()
    }


def _bootstrap_p_value(drawn: FloatArray, n_groups: int) -> float:
    defined = drawn[~np.isnan(drawn)]
    if n_groups < 2 or not len(defined):
        return math.nan
    smaller = min(np.sum(defined <= 0), np.sum(defined >= 0))
    return float(min(1.0, 2 * (smaller + 1) / (len(defined) + 1)))
