"""The metrics of many resamples at once, from the counts of drawn patients."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from keras_wa.cores import usable_cores
from keras_wa.metrics.arguments import FloatArray, IntArray

Result = TypeVar("Result")

# Resamples times ROIs held at once: few enough for the processor's cache.
_CHUNK_ELEMENTS = 500_000


def resampled_metrics(
    y_true: IntArray,
    y_score: FloatArray,
    group_codes: IntArray,
    group_counts: IntArray,
    threshold: float | FloatArray,
) -> dict[str, FloatArray]:
    """Computes `classification_metrics` of each resample, without the counts.

    Args:
        y_true, y_score: shape `(n,)`.
        group_codes: shape `(n,)`, the group of each ROI, in `[0, n_groups)`.
        group_counts: shape `(n_resamples, n_groups)`, how often each was drawn.
        threshold: decision threshold, or one per ROI, `(n,)`.

    Returns:
        For each of `METRIC_NAMES` float64 `(n_resamples,)`, NaN if undefined.
    """
    predicted = y_score >= threshold
    actual = y_true == 1
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
    # Integers stay exact in float64, and BLAS computes the product.
    tp, fp, tn, fn = (group_counts.astype(np.float64) @ cells.astype(np.float64)).T
    sensitivity, specificity = _ratio(tp, tp + fn), _ratio(tn, tn + fp)
    margins = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    ranked = _ranked_metrics(y_true, y_score, group_codes, group_counts)
    errors = _squared_errors(y_true, y_score, group_codes, n_groups)
    return {
        "auc": ranked["auc"],
        "auprc": ranked["auprc"],
        "accuracy": _ratio(tp + tn, tp + fp + tn + fn),
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "sensitivity": sensitivity,
        "specificity": specificity,
        "precision": _ratio(tp, tp + fp),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
        "mcc": _ratio(tp * tn - fp * fn, np.sqrt(margins)),
        "sensitivity_at_95_specificity": ranked["sensitivity_at_95_specificity"],
        "specificity_at_95_sensitivity": ranked["specificity_at_95_sensitivity"],
        # BLAS sums in an order that depends on the size of a chunk; einsum sums row by
        # row, so that chunks do not change the last digit.
        "brier": _ratio(np.einsum("rg,g->r", group_counts, errors), tp + fp + tn + fn),
    }


def resampled_auc(
    y_true: IntArray, y_score: FloatArray, group_codes: IntArray, group_counts: IntArray
) -> FloatArray:
    """Computes the AUC of each resample, for scores of any range."""
    positive, negative = _drawn_by_level(y_true, y_score, group_codes, group_counts)
    return _auc(positive, negative, np.cumsum(positive, axis=1, dtype=np.int32))


def resample(
    work: Callable[[IntArray], Mapping[str, FloatArray]],
    n_groups: int,
    n_rois: int,
    n_resamples: int,
    seed: int,
) -> dict[str, FloatArray]:
    """Applies a function to resamples of the groups, in chunks and in threads.

    Args:
        work: function from how often each group was drawn, `(chunk, n_groups)`, to
            statistics by name, `(chunk, ...)`; called in several threads.
        n_groups, n_rois, n_resamples, seed: see `draw_groups`.

    Returns:
        The statistics of all resamples, `(n_resamples, ...)`.
    """
    chunks = in_threads(work, draw_groups(n_groups, n_rois, n_resamples, seed))
    return {name: np.concatenate([each[name] for each in chunks]) for name in chunks[0]}


def resampled_sums(
    values: FloatArray, group_codes: IntArray, n_resamples: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Sums each row of `values`, `(k, n)`, over groups and over resamples of them.

    Returns:
        The sums, float64 of shape `(k, n_groups)` and `(k, n_resamples)`.
    """
    sums: Any = np.stack([np.bincount(group_codes, row) for row in values])
    drawn = draw_groups(sums.shape[1], len(group_codes), n_resamples, seed)
    counts = np.concatenate(list(drawn)).astype(np.float64)
    return sums, np.stack([counts @ each for each in sums])


def draw_groups(
    n_groups: int, n_rois: int, n_resamples: int, seed: int
) -> Iterator[IntArray]:
    """Draws groups with replacement, in chunks that bound the memory.

    Args:
        n_groups: number of groups, and of draws in each resample.
        n_rois: number of ROIs; it affects the size of a chunk, not the draws.
        n_resamples: number of resamples in all chunks, at least 1.
        seed: seed of the draws.

    Yields:
        How often each group was drawn, int64 of shape `(chunk, n_groups)`.
    """
    if n_resamples < 1:
        raise ValueError(f"n_resamples must be at least 1. Received: {n_resamples}")
    rng = np.random.default_rng(seed)
    each = np.full(n_groups, 1 / n_groups)
    chunk = max(1, _CHUNK_ELEMENTS // n_rois)
    for start in range(0, n_resamples, chunk):
        size = min(chunk, n_resamples - start)
        yield rng.multinomial(n_groups, each, size=size)


def in_threads(
    work: Callable[[IntArray], Result], chunks: Iterable[IntArray]
) -> list[Result]:
    """Applies a function to chunks in threads while the next ones are drawn.

    NumPy releases the interpreter lock while it computes. Few chunks are queued, which
    bounds the memory. The results are in the order of the chunks.
    """
    workers = usable_cores()
    results: list[Result] = []
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for chunk in chunks:
            waiting.append(pool.submit(work, chunk))
            if len(waiting) > 2 * workers:
                results.append(waiting.popleft().result())
        return [*results, *(each.result() for each in waiting)]


def _ranked_metrics(
    y_true: IntArray,
    y_score: FloatArray,
    group_codes: IntArray,
    group_counts: IntArray,
) -> dict[str, FloatArray]:
    """Computes the metrics that depend only on the order of the probabilities."""
    positive, negative = _drawn_by_level(y_true, y_score, group_codes, group_counts)
    tp = np.cumsum(positive, axis=1, dtype=np.int32)
    fp = np.cumsum(negative, axis=1, dtype=np.int32)
    positives, negatives = tp[:, -1:], fp[:, -1:]
    both = ((positives > 0) & (negatives > 0))[:, 0]
    # A level that was not drawn has no positive, so that its precision has no weight.
    precision = tp / np.maximum(tp + fp, 1)
    sums = np.einsum("ij,ij->i", positive, precision)
    # No predicted positive: no true and no false positive.
    found = np.where(20 * fp <= negatives, tp, 0).max(axis=1)
    called = np.where(20 * tp >= 19 * positives, fp, negatives).min(axis=1)
    n_positive = np.where(both, positives[:, 0], 0)
    n_negative = np.where(both, negatives[:, 0], 0)
    return {
        "auc": _auc(positive, negative, tp),
        "auprc": _ratio(sums, n_positive),
        "sensitivity_at_95_specificity": _ratio(found, n_positive),
        "specificity_at_95_sensitivity": 1 - _ratio(called, n_negative),
    }


def _drawn_by_level(
    y_true: IntArray, y_score: FloatArray, group_codes: IntArray, group_counts: IntArray
) -> tuple[Any, Any]:
    """Counts positives and negatives drawn at each distinct score, in falling order.

    The scores are sorted once for all resamples. Both are int32 of shape
    `(n_resamples, n_levels)`.
    """
    order = np.argsort(-y_score, kind="stable")
    ordered = y_score[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    drawn = group_counts.astype(np.int32)[:, group_codes[order]]
    positive = drawn * y_true[order].astype(np.int32)
    negative = drawn - positive
    if len(starts) < len(order):
        positive = np.add.reduceat(positive, starts, axis=1)
        negative = np.add.reduceat(negative, starts, axis=1)
    return positive, negative


def _auc(positive: Any, negative: Any, tp: Any) -> FloatArray:
    """Computes the AUC by the Mann-Whitney count; ties count one half."""
    # Twice the count is an integer, exact in float64 for any realistic size.
    above_twice = 2 * tp - positive
    twice = np.einsum("ij,ij->i", negative, above_twice, dtype=np.float64)
    pairs = tp[:, -1].astype(np.int64) * negative.sum(axis=1)
    return _ratio(twice, 2 * pairs)


def _squared_errors(
    y_true: IntArray, y_score: FloatArray, group_codes: IntArray, n_groups: int
) -> FloatArray:
    """Returns the sum over each group, independent of the order of the rows."""
    order = np.lexsort((y_true, y_score, group_codes))
    errors = (y_score - y_true)[order] ** 2
    sums = np.bincount(group_codes[order], weights=errors, minlength=n_groups)
    return np.asarray(sums, np.float64)


def _ratio(numerator: Any, denominator: Any) -> FloatArray:
    undefined = np.full(np.shape(numerator), np.nan)
    return np.divide(numerator, denominator, out=undefined, where=denominator > 0)
