"""Patient-cluster percentile bootstrap of all metrics at once.

ROIs of one patient are correlated, so that whole patients are resampled (Field & Welsh
2007, doi:10.1111/j.1467-9868.2007.00593.x). Resampling single ROIs gives intervals that
are too narrow.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm, t

from keras_wa.metrics.arguments import (
    FloatArray,
    as_group_codes,
    as_labels,
    as_probabilities,
    as_scores,
    require_equal_lengths,
)
from keras_wa.metrics.classification import (
    METRIC_NAMES,
    area_under_roc,
    classification_metrics,
)
from keras_wa.metrics.estimate import Estimate
from keras_wa.metrics.resampling import (
    draw_groups,
    in_threads,
    resampled_auc,
    resampled_metrics,
)


def cluster_bootstrap(
    y_true: ArrayLike,
    y_score: ArrayLike,
    groups: Any,
    threshold: float,
    n_resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Estimate]:
    """Computes classification metrics with patient-cluster bootstrap intervals.

    The threshold is fixed: choose it on the validation set. The order of the rows does
    not matter. A percentile interval stays within the observed values: 20 ROIs, all
    correct, give [1, 1], however few they are.

    Args:
        y_true: labels, shape `(n,)`, 0 or 1.
        y_score: probabilities, shape `(n,)`, in [0, 1].
        groups: `n` patient identifiers. A different one in each row gives the ordinary
            bootstrap; a single one gives no interval (NaN).
        threshold: decision threshold; an ROI is positive if `y_score >= threshold`.
        n_resamples: number of resamples, at least 1.
        seed: seed of the resampling.
        confidence: nominal coverage of the intervals, in (0, 1).

    Returns:
        A dictionary of `Estimate`, with the metrics of `classification_metrics`.

    Raises:
        ValueError: an argument is malformed, or the lengths differ.

    Example:
        >>> from keras_wa.metrics import cluster_bootstrap
        >>> y_true = [0, 0, 0, 1, 0, 1, 1, 1]
        >>> y_score = [0.1, 0.3, 0.4, 0.2, 0.6, 0.7, 0.8, 0.9]
        >>> patients = ["a", "a", "b", "b", "c", "d", "e", "e"]
        >>> found = cluster_bootstrap(y_true, y_score, patients, threshold=0.5)
        >>> found["sensitivity"].value
        0.75
        >>> found["sensitivity"].low <= 0.75 <= found["sensitivity"].high
        True

    Source:
        Field & Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x; the quantiles are
        those of Hesterberg 2015, doi:10.1080/00031305.2015.1089789.
    """
    y = as_labels(y_true)
    p = as_probabilities(y_score)
    codes, n_groups = as_group_codes(groups)
    require_equal_lengths(y_true=y, y_score=p, groups=codes)
    chunks = in_threads(
        lambda counts: resampled_metrics(y, p, codes, counts, threshold),
        draw_groups(n_groups, len(y), n_resamples, seed),
    )
    values = classification_metrics(y, p, threshold)
    return {
        name: percentile_interval(
            values[name],
            np.concatenate([chunk[name] for chunk in chunks]),
            n_groups,
            confidence,
        )
        for name in METRIC_NAMES
    }


def cluster_bootstrap_auc(
    y_true: ArrayLike,
    y_score: ArrayLike,
    groups: Any,
    n_resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Estimate:
    """Like `cluster_bootstrap`, for the AUC of scores of any range.

    Args:
        y_true: shape `(n,)`, 0 or 1.
        y_score: shape `(n,)`, finite; higher means more likely positive.
        groups: `n` patient identifiers.
        n_resamples: number of resamples, at least 1.
        seed: seed of the resampling; equal seeds draw the same patients.
        confidence: nominal coverage of the interval, in (0, 1).

    Returns:
        The AUC with its interval.

    Raises:
        ValueError: an argument is malformed, or the lengths differ.
    """
    y = as_labels(y_true)
    s = as_scores(y_score)
    codes, n_groups = as_group_codes(groups)
    require_equal_lengths(y_true=y, y_score=s, groups=codes)
    resampled = np.concatenate(
        in_threads(
            lambda counts: resampled_auc(y, s, codes, counts),
            draw_groups(n_groups, len(y), n_resamples, seed),
        )
    )
    return percentile_interval(area_under_roc(y, s), resampled, n_groups, confidence)


def percentile_interval(
    value: float, resampled: FloatArray, n_groups: int, confidence: float
) -> Estimate:
    """Returns the interval between two quantiles of the resampled values.

    Args:
        value: the metric of the data.
        resampled: shape `(n_resamples,)`, NaN where undefined.
        n_groups: number of groups that were resampled; one gives no interval.
        confidence: nominal coverage of the interval, in (0, 1).

    Returns:
        The interval, from the resamples in which the metric is defined.

    Raises:
        ValueError: the confidence is out of range.

    Source:
        See `tail_share`.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1). Received: {confidence}")
    defined = resampled[~np.isnan(resampled)]
    n_dropped = len(resampled) - len(defined)
    if n_groups < 2 or len(defined) == 0:
        return Estimate(float(value), math.nan, math.nan, n_dropped=n_dropped)
    tail = tail_share(n_groups, confidence)
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Estimate(float(value), float(low), float(high), n_dropped=n_dropped)


def tail_share(n_groups: int, confidence: float) -> float:
    """Returns the share of resampled values below (and above) an interval.

    With few groups the plain percentile interval is too narrow, since the bootstrap
    gives (n - 1) / n of the variance. The expanded percentile interval takes the
    quantiles at which, for a mean, Student's t interval ends.

    Args:
        n_groups: number of groups, at least 2.
        confidence: nominal coverage of the interval, in (0, 1).

    Returns:
        For 95 % and 200 groups 0.0240, for 30 groups 0.0188, for 10 groups 0.0086.

    Source:
        Hesterberg 2015, "What teachers should know about the bootstrap",
        doi:10.1080/00031305.2015.1089789, the expanded percentile interval.
    """
    quantile = t.ppf((1 + confidence) / 2, n_groups - 1)
    return float(norm.cdf(-math.sqrt(n_groups / (n_groups - 1)) * quantile))
