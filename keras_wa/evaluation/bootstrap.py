"""Patient-cluster percentile bootstrap of all the metrics at once, vectorised.

ROIs of one patient resemble each other, so whole patients are drawn with replacement
(Field & Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x). Drawing single ROIs instead
gives intervals that are too narrow.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from keras_wa.evaluation.inputs import (
    FloatArray,
    IntArray,
    as_group_codes,
    as_labels,
    as_probabilities,
    as_scores,
    require_equal_lengths,
)
from keras_wa.evaluation.metrics import (
    METRIC_NAMES,
    area_under_roc,
    classification_metrics,
)

Result = TypeVar("Result")

# Resamples times ROIs held at once: so few that they stay in the processor's cache.
_CHUNK_ELEMENTS = 500_000


@dataclass(frozen=True)
class Interval:
    """A metric with its bootstrap interval.

    Attributes:
        value: the metric of the data itself; NaN where undefined.
        low: lower end; NaN where no interval can be given.
        high: upper end; NaN where no interval can be given.
        n_dropped: resamples in which the metric was undefined (for AUC: those with one
            class only) and which the interval therefore leaves out.
    """

    value: float
    low: float
    high: float
    n_dropped: int


def cluster_bootstrap(
    labels: ArrayLike,
    probabilities: ArrayLike,
    groups: Any,
    threshold: float,
    n_resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Interval]:
    """Gives each classification metric its patient-cluster bootstrap interval.

    The threshold stays as it is: it was chosen on validation, so its own uncertainty
    is no part of the test set's. The same rows in another order give the same
    intervals. With a single patient there is nothing to resample and the ends are NaN.
    A percentile interval cannot reach beyond what was seen: 20 ROIs all correct give
    [1, 1], which says more about 20 than about 1.

    Args:
        labels: shape `(n,)`, 0 or 1.
        probabilities: shape `(n,)`, in [0, 1]; positive if `p >= threshold`.
        groups: `n` patient identifiers. One a row gives the i.i.d. bootstrap.
        threshold: decision threshold.
        n_resamples: number of resamples, at least 1.
        seed: of the resampling.
        confidence: coverage that the interval aims at, in (0, 1).

    Returns:
        An `Interval` for each of `METRIC_NAMES`.

    Raises:
        ValueError: if an argument is malformed or the lengths differ.
    """
    y = as_labels(labels)
    p = as_probabilities(probabilities)
    codes, n_groups = as_group_codes(groups)
    require_equal_lengths(labels=y, probabilities=p, groups=codes)
    chunks = _in_threads(
        lambda counts: resampled_metrics(y, p, codes, counts, threshold),
        draw_groups(n_groups, len(y), n_resamples, seed),
    )
    values = classification_metrics(y, p, threshold)
    return {
        name: interval_of(
            values[name],
            np.concatenate([chunk[name] for chunk in chunks]),
            n_groups,
            confidence,
        )
        for name in METRIC_NAMES
    }


def cluster_bootstrap_auc(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: Any,
    n_resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval:
    """Like `cluster_bootstrap`, for the AUC of scores that are no probabilities.

    Args:
        labels: shape `(n,)`, 0 or 1.
        scores: shape `(n,)`, finite; higher means more likely positive.
        groups: `n` patient identifiers.
        n_resamples: number of resamples, at least 1.
        seed: of the resampling; the same seed draws the same patients.
        confidence: coverage that the interval aims at, in (0, 1).

    Returns:
        The AUC with its interval.

    Raises:
        ValueError: if an argument is malformed or the lengths differ.
    """
    y = as_labels(labels)
    s = as_scores(scores)
    codes, n_groups = as_group_codes(groups)
    require_equal_lengths(labels=y, scores=s, groups=codes)
    resampled = np.concatenate(
        _in_threads(
            lambda counts: _resampled_auc(y, s, codes, counts),
            draw_groups(n_groups, len(y), n_resamples, seed),
        )
    )
    return interval_of(area_under_roc(y, s), resampled, n_groups, confidence)


def resampled_metrics(
    labels: IntArray,
    probabilities: FloatArray,
    group_codes: IntArray,
    group_counts: IntArray,
    threshold: float,
) -> dict[str, FloatArray]:
    """Computes the metrics of each resample from how often it drew each group.

    Args:
        labels: shape `(n,)`, 0 or 1.
        probabilities: shape `(n,)`.
        group_codes: shape `(n,)`, the group of each ROI, in `[0, n_groups)`.
        group_counts: shape `(n_resamples, n_groups)`, how often each was drawn.
        threshold: decision threshold; positive if `p >= threshold`.

    Returns:
        For each of `METRIC_NAMES` the values of the resamples, float64 of shape
        `(n_resamples,)`, NaN where undefined as in `classification_metrics`.
    """
    predicted = probabilities >= threshold
    actual = labels == 1
    n_groups = group_counts.shape[1]
    cells = np.stack(
        [
            np.bincount(group_codes[mask], minlength=n_groups)
            for mask in (
                actual & predicted,
                ~actual & predicted,
                ~actual & ~predicted,
                actual & ~predicted,
            )
        ],
        axis=1,
    )
    # Whole numbers in float64 stay exact, and the product goes through BLAS.
    tp, fp, tn, fn = (group_counts.astype(np.float64) @ cells.astype(np.float64)).T
    return {
        "auc": _resampled_auc(labels, probabilities, group_codes, group_counts),
        "accuracy": _ratio(tp + tn, tp + fp + tn + fn),
        "sensitivity": _ratio(tp, tp + fn),
        "specificity": _ratio(tn, tn + fp),
        "precision": _ratio(tp, tp + fp),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
    }


def draw_groups(
    n_groups: int, n_rois: int, n_resamples: int, seed: int
) -> Iterator[IntArray]:
    """Draws patients with replacement.

    Args:
        n_groups: number of patients.
        n_rois: of all of them; the more, the smaller the chunks.
        n_resamples: number of resamples, at least 1.
        seed: of the draw.

    Yields:
        How often each resample drew each patient, `(chunk, n_groups)`; the chunks bound
        the memory and do not change the draw.

    Raises:
        ValueError: if `n_resamples` is below 1.
    """
    if n_resamples < 1:
        raise ValueError(f"n_resamples must be at least 1. Received: {n_resamples}")
    rng = np.random.default_rng(seed)
    each = np.full(n_groups, 1 / n_groups)
    chunk = max(1, _CHUNK_ELEMENTS // n_rois)
    for start in range(0, n_resamples, chunk):
        size = min(chunk, n_resamples - start)
        yield rng.multinomial(n_groups, each, size=size)


def _in_threads(
    work: Callable[[IntArray], Result], chunks: Iterable[IntArray]
) -> list[Result]:
    """The work on each chunk, in order, while the next ones are drawn.

    numpy leaves the interpreter to others while it computes. Few chunks wait, so that
    they bound the memory.
    """
    workers = os.cpu_count() or 1
    results: list[Result] = []
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for chunk in chunks:
            waiting.append(pool.submit(work, chunk))
            if len(waiting) > 2 * workers:
                results.append(waiting.popleft().result())
        return [*results, *(each.result() for each in waiting)]


def _resampled_auc(
    labels: IntArray, scores: FloatArray, group_codes: IntArray, group_counts: IntArray
) -> FloatArray:
    """AUC of each resample, sorting the scores only once.

    The Mann-Whitney count: each positive scores the negatives below it, and half of
    those at its own level.
    """
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    drawn = group_counts.astype(np.int32)[:, group_codes[order]]
    positive = drawn * labels[order].astype(np.int32)
    negative = drawn - positive
    if len(starts) < len(order):
        positive = np.add.reduceat(positive, starts, axis=1)
        negative = np.add.reduceat(negative, starts, axis=1)
    # Twice the count is a whole number, exact in float64 for any realistic size.
    below_twice = 2 * np.cumsum(negative, axis=1, dtype=np.int32) - negative
    twice = np.einsum("ij,ij->i", positive, below_twice, dtype=np.float64)
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    return _ratio(twice, 2 * pairs)


def _ratio(numerator: Any, denominator: Any) -> FloatArray:
    undefined = np.full(np.shape(numerator), np.nan)
    return np.divide(numerator, denominator, out=undefined, where=denominator > 0)


def interval_of(
    value: float, resampled: FloatArray, n_groups: int, confidence: float
) -> Interval:
    """The percentile interval of a statistic.

    Args:
        value: the statistic of the data itself.
        resampled: shape `(n_resamples,)`, NaN where a resample leaves it undefined.
        n_groups: number of patients.
        confidence: coverage that the interval aims at, in (0, 1).

    Returns:
        The value with its interval.

    Raises:
        ValueError: if `confidence` is out of its range.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1). Received: {confidence}")
    defined = resampled[~np.isnan(resampled)]
    n_dropped = len(resampled) - len(defined)
    if n_groups < 2 or len(defined) == 0:
        return Interval(float(value), math.nan, math.nan, n_dropped)
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(float(value), float(low), float(high), n_dropped)
