"""Metrics of three classes, such as the pathologies of CBIS-DDSM."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import confusion_matrix

from keras_wa.metrics.arguments import (
    FloatArray,
    IntArray,
    as_group_codes,
    as_labels,
    require_equal_lengths,
)
from keras_wa.metrics.bootstrap import percentile_interval
from keras_wa.metrics.estimate import Estimate
from keras_wa.metrics.resampling import resample, resampled_auc

# A float32 softmax of three sums to one within a few 1e-7.
_SUM_TOLERANCE = 1e-4

_CLASSES = (0, 1, 2)


def three_class_metrics(
    y_true: ArrayLike,
    y_score: ArrayLike,
    groups: Any,
    n_resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """Computes metrics of three classes, with patient-cluster bootstrap intervals.

    The predicted class has the highest probability; ties go to the first.

    Args:
        y_true: classes, shape `(n,)`, 0, 1 or 2.
        y_score: probabilities, shape `(n, 3)`, in [0, 1], each row with the sum 1.
        groups: `n` patient identifiers.
        n_resamples: number of resamples of the patients, at least 1.
        seed: seed of the resampling.
        confidence: nominal coverage of the intervals, in (0, 1).

    Returns:
        `confusion` (a list of rows; rows true, columns predicted), and `Estimate`s:
        `accuracy`, `sensitivity` (a list, one per class), `auc` (a list, one per class,
        against the others) and `macro_auc`, their mean; NaN if a class is absent.

    Raises:
        ValueError: an argument is malformed, or the lengths differ.
    """
    y, p = as_labels(y_true, len(_CLASSES)), _as_distributions(y_score)
    codes, n_groups = as_group_codes(groups)
    require_equal_lengths(y_true=y, y_score=p, groups=codes)
    # One resample that draws each ROI once.
    each_roi, once = np.arange(len(y)), np.ones((1, len(y)), np.int64)
    values = _resampled(y, p, each_roi, once)
    drawn = resample(
        lambda counts: _resampled(y, p, codes, counts),
        n_groups,
        len(y),
        n_resamples,
        seed,
    )

    def estimate(name: str) -> Estimate:
        return percentile_interval(values[name][0], drawn[name], n_groups, confidence)

    return {
        "confusion": confusion_matrix(y, p.argmax(axis=1), labels=_CLASSES).tolist(),
        "accuracy": estimate("accuracy"),
        "sensitivity": [estimate(f"sensitivity_{each}") for each in _CLASSES],
        "auc": [estimate(f"auc_{each}") for each in _CLASSES],
        "macro_auc": estimate("macro_auc"),
    }


def _resampled(
    y: IntArray, p: FloatArray, codes: IntArray, counts: IntArray
) -> dict[str, FloatArray]:
    """Returns each metric of each resample, `(n_resamples,)`."""
    drawn = counts[:, codes]
    right = p.argmax(axis=1) == y
    found = {"accuracy": drawn @ right / drawn.sum(axis=1)}
    for each in _CLASSES:
        own = y == each
        size = (drawn @ own).astype(np.float64)
        size[size == 0] = np.nan
        found[f"sensitivity_{each}"] = drawn @ (own & right) / size
        labels = own.astype(np.int64)
        found[f"auc_{each}"] = resampled_auc(labels, p[:, each], codes, counts)
    found["macro_auc"] = np.mean([found[f"auc_{each}"] for each in _CLASSES], axis=0)
    return found


def _as_distributions(y_score: ArrayLike) -> FloatArray:
    p = np.asarray(y_score, np.float64)
    if p.ndim != 2 or p.shape[1] != len(_CLASSES):
        raise ValueError(f"y_score must have the shape (n, 3). Received: {p.shape}")
    good = ((p >= 0) & (p <= 1)).all(axis=1)
    good &= np.abs(p.sum(axis=1) - 1) <= _SUM_TOLERANCE
    if not good.all():
        index = int(good.argmin())
        raise ValueError(
            "y_score must be numbers in [0, 1] that sum to 1 in each row. "
            f"Received: {p[index].tolist()} at index {index}"
        )
    return p
