"""Systems that were trained with several seeds: their mean, and how two differ.

One trained model is one draw. What a method is worth is the mean over seeds, and its
uncertainty has two parts: other patients, and other seeds. Both are resampled here,
patients for all models at once, since all have predicted the same ROIs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_wa.metrics.bootstrap import percentile_interval
from keras_wa.metrics.classification import METRIC_NAMES
from keras_wa.metrics.delong import delong_seeds_test
from keras_wa.metrics.inputs import (
    FloatArray,
    IntArray,
    as_group_codes,
    as_labels,
    as_probabilities,
    as_scores,
    require_equal_lengths,
)
from keras_wa.metrics.resampling import draw_groups, in_threads, resampled_metrics


@dataclass(frozen=True)
class SeedsEstimate:
    """A metric of a system over its seeds.

    Attributes:
        values: the metric of each seed; NaN where undefined.
        mean: of the values; NaN if one is.
        sd: their standard deviation (n - 1); NaN for a single seed.
        low: lower end of the mean's interval; NaN where none can be given.
        high: upper end.
    """

    values: tuple[float, ...]
    mean: float
    sd: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """A metric's mean over the seeds of one system less that of another.

    Attributes:
        value: the difference; positive where the first has more.
        low: lower end of its interval; NaN where none can be given.
        high: upper end.
        p_value: two-sided, that there is none; NaN where undefined.
    """

    value: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True)
class _System:
    """Checked predictions of a system, one row a seed, and their thresholds."""

    probabilities: FloatArray
    thresholds: FloatArray


def mean_over_seeds(
    y_true: ArrayLike,
    y_score: ArrayLike,
    thresholds: ArrayLike,
    groups: Any,
    n_resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, SeedsEstimate]:
    """Gives each metric its mean over seeds, with patients and seeds resampled.

    Each resample draws patients with replacement, seeds with replacement, and takes the
    mean of the drawn seeds' metrics on the drawn patients. With S seeds the bootstrap
    makes the seeds' part of the variance too small by the factor (S - 1) / S, and a
    single seed has no such part at all: its interval is that of one trained model.

    Args:
        y_true: shape `(n,)`, 0 or 1.
        y_score: shape `(S, n)`, in [0, 1], one row a seed.
        thresholds: shape `(S,)`, each seed's own, or `(S, n)`, one an ROI; positive if
            `p >= threshold`.
        groups: `n` patient identifiers.
        n_resamples: number of resamples, at least 1.
        seed: of the resampling.
        confidence: coverage that the intervals aim at, in (0, 1).

    Returns:
        An estimate for each of `METRIC_NAMES`.

    Raises:
        ValueError: if an argument is malformed or the lengths differ.
    """
    y = as_labels(y_true)
    codes, n_groups = as_group_codes(groups)
    system = _as_system("probabilities", y_score, thresholds)
    require_equal_lengths(y_true=y, groups=codes, y_score=system.probabilities[0])
    (resampled,) = _resampled(y, codes, n_groups, [system], n_resamples, seed)
    values = _values(y, system)
    estimates = {}
    for name in METRIC_NAMES:
        mean = float(np.mean(values[name]))
        ends = percentile_interval(mean, resampled[name], n_groups, confidence)
        estimates[name] = SeedsEstimate(
            tuple(values[name].tolist()), mean, _sd(values[name]), ends.low, ends.high
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
    """Compares two systems on the same ROIs, metric by metric.

    Each resample draws the same patients for both and seeds for each on its own. The
    interval holds the middle of the resampled differences of means over seeds, as in
    `mean_over_seeds`.

    The p-value is twice the smaller share of resamples on either side of no difference,
    one added to count and number (Davison & Hinkley 1997, section 4.2), so that it is
    never below 2 / (n_resamples + 1).

    That of the AUC is `delong_seeds_test`'s instead, in closed form.

    Args:
        y_true: shape `(n,)`, 0 or 1.
        first: probabilities of the first system, shape `(S1, n)`, one row a seed.
        second: of the second, shape `(S2, n)`; the ROIs are the same, in one order.
        groups: `n` patient identifiers.
        first_thresholds: shape `(S1,)` or `(S1, n)`.
        second_thresholds: shape `(S2,)` or `(S2, n)`.
        n_resamples: number of resamples, at least 1.
        seed: of the resampling.
        confidence: coverage that the intervals aim at, in (0, 1).

    Returns:
        First less second, for each of `METRIC_NAMES`. For `brier` less is better.

    Raises:
        ValueError: if an argument is malformed or the lengths differ.
    """
    y = as_labels(y_true)
    codes, n_groups = as_group_codes(groups)
    a = _as_system("first", first, first_thresholds)
    b = _as_system("second", second, second_thresholds)
    require_equal_lengths(
        y_true=y, groups=codes, first=a.probabilities[0], second=b.probabilities[0]
    )
    drawn_a, drawn_b = _resampled(y, codes, n_groups, [a, b], n_resamples, seed)
    values_a, values_b = _values(y, a), _values(y, b)
    differences = {}
    for name in METRIC_NAMES:
        value = float(np.mean(values_a[name]) - np.mean(values_b[name]))
        drawn = drawn_a[name] - drawn_b[name]
        ends = percentile_interval(value, drawn, n_groups, confidence)
        p_value = (
            delong_seeds_test(y, a.probabilities, b.probabilities, codes)
            if name == "auc"
            else _bootstrap_p_value(drawn, n_groups)
        )
        differences[name] = Difference(value, ends.low, ends.high, p_value)
    return differences


def holm(p_values: ArrayLike) -> FloatArray:
    """Adjusts p-values for how many there are (Holm 1979).

    Args:
        p_values: shape `(m,)`, in [0, 1].

    Returns:
        The adjusted p-values, float64 of shape `(m,)`, in the same order.

    Raises:
        ValueError: if they are not in [0, 1] or there are none.
    """
    # statsmodels' multipletests collects garbage at each call: a second with models.
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
            f"thresholds of {name} must be one a seed, or one a seed and ROI. "
            f"Received: shape {chosen.shape}; {name} is {rows.shape}."
        )
    return _System(np.stack([as_probabilities(row) for row in rows]), chosen)


def _values(y_true: IntArray, system: _System) -> dict[str, FloatArray]:
    """Each metric of each seed, `(S,)`."""
    # Each ROI drawn once is the data itself, and faster than scikit-learn.
    each_roi, once = np.arange(len(y_true)), np.ones((1, len(y_true)), np.int64)
    each = [
        resampled_metrics(y_true, p, each_roi, once, threshold)
        for p, threshold in zip(system.probabilities, system.thresholds, strict=True)
    ]
    return {name: np.concatenate([one[name] for one in each]) for name in METRIC_NAMES}


def _resampled(
    y_true: IntArray,
    codes: IntArray,
    n_groups: int,
    systems: Sequence[_System],
    n_resamples: int,
    seed: int,
) -> list[dict[str, FloatArray]]:
    """Means over drawn seeds on drawn patients, `(n_resamples,)`, for each system."""

    def work(counts: IntArray) -> list[list[dict[str, FloatArray]]]:
        return [
            [
                resampled_metrics(y_true, p, codes, counts, threshold)
                for p, threshold in zip(
                    each.probabilities, each.thresholds, strict=True
                )
            ]
            for each in systems
        ]

    chunks = in_threads(work, draw_groups(n_groups, len(y_true), n_resamples, seed))
    means = []
    for i, system in enumerate(systems):
        n_seeds = len(system.thresholds)
        # Seeds of another stream than the patients', and of one for each system.
        rng = np.random.default_rng([seed, i + 1])
        drawn = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), n_resamples)
        means.append(
            {
                name: _mean_of_drawn(
                    np.stack(
                        [
                            np.concatenate([chunk[i][s][name] for chunk in chunks])
                            for s in range(n_seeds)
                        ],
                        axis=1,
                    ),
                    drawn,
                )
                for name in METRIC_NAMES
            }
        )
    return means


def _mean_of_drawn(values: FloatArray, drawn: IntArray) -> FloatArray:
    """Mean weighted by how often each seed was drawn; NaN if a drawn one is."""
    return np.where(drawn > 0, values * drawn, 0).sum(axis=1) / drawn.sum(axis=1)


def _bootstrap_p_value(drawn: FloatArray, n_groups: int) -> float:
    defined = drawn[~np.isnan(drawn)]
    if n_groups < 2 or not len(defined):
        return math.nan
    smaller = min(np.sum(defined <= 0), np.sum(defined >= 0))
    return float(min(1.0, 2 * (smaller + 1) / (len(defined) + 1)))


def _sd(values: FloatArray) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
