"""Point estimates: what one set of predictions scores at one threshold."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    confusion_matrix,
    f1_score,
    matthews_corrcoef,
    precision_score,
    recall_score,
    roc_auc_score,
    roc_curve,
)

from keras_wa.metrics.inputs import (
    FloatArray,
    IntArray,
    as_labels,
    as_probabilities,
    as_scores,
    require_equal_lengths,
)

METRIC_NAMES = (
    "auc",
    "auprc",
    "accuracy",
    "balanced_accuracy",
    "sensitivity",
    "specificity",
    "precision",
    "f1",
    "mcc",
    "sensitivity_at_95_specificity",
    "specificity_at_95_sensitivity",
    "brier",
)
"""The metrics, in the order in which they are reported.

Those that need no threshold: `auc`; `auprc`, the average precision; the two operating
points; `brier`, the mean squared error of the probability, where less is better.

`sensitivity_at_95_specificity` is the greatest sensitivity of any threshold that calls
at most 1 in 20 negatives positive, `specificity_at_95_sensitivity` the greatest
specificity of any that finds at least 19 in 20 positives. Thresholds are the
probabilities that occur, and none positive at all: nothing is interpolated. They are
chosen on the data that they are measured on, so they describe the ROC curve; what a
threshold fixed beforehand reaches is `sensitivity` and `specificity`.
"""


def area_under_roc(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Area under the ROC curve of scores of any range; ties count one half.

    Args:
        y_true: shape `(n,)`, 0 or 1.
        y_score: shape `(n,)`, finite; higher means more likely positive.

    Returns:
        The area in [0, 1], or NaN where only one class is present.

    Raises:
        ValueError: if the inputs are malformed or differ in length.
    """
    y = as_labels(y_true)
    s = as_scores(y_score)
    require_equal_lengths(y_true=y, y_score=s)
    if y.min() == y.max():
        return math.nan
    return float(roc_auc_score(y, s))


def classification_metrics(
    y_true: ArrayLike, y_score: ArrayLike, threshold: float
) -> dict[str, float | int]:
    """Scores predictions at a threshold: an ROI is positive if `p >= threshold`.

    What has a zero denominator is undefined, hence NaN and not 0 or 1: sensitivity
    without positives, specificity without negatives, precision without predicted
    positives, F1 without either kind of positive, MCC where labels or calls are all
    the same, and with one class only AUC, AUPRC, balanced accuracy and the operating
    points.

    Args:
        y_true: shape `(n,)`, 0 or 1.
        y_score: shape `(n,)`, probability of the positive class in [0, 1].
        threshold: decision threshold, compared in float64.

    Returns:
        Each of `METRIC_NAMES` as a float and the counts `tp, fp, tn, fn` as ints.

    Raises:
        ValueError: if the inputs are malformed or differ in length.
    """
    y = as_labels(y_true)
    p = as_probabilities(y_score)
    require_equal_lengths(y_true=y, y_score=p)
    predicted = (p >= threshold).astype(int)
    tn, fp, fn, tp = confusion_matrix(y, predicted, labels=[0, 1]).ravel().tolist()
    undefined = {"zero_division": math.nan}
    sensitivity = float(recall_score(y, predicted, **undefined))
    specificity = float(recall_score(y, predicted, pos_label=0, **undefined))
    both_classes = y.min() < y.max()
    at_specificity, at_sensitivity = _operating_points(y, p)
    return {
        "auc": area_under_roc(y, p),
        "auprc": float(average_precision_score(y, p)) if both_classes else math.nan,
        "accuracy": float(accuracy_score(y, predicted)),
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "sensitivity": sensitivity,
        "specificity": specificity,
        "precision": float(precision_score(y, predicted, **undefined)),
        "f1": float(f1_score(y, predicted, **undefined)),
        "mcc": (
            float(matthews_corrcoef(y, predicted))
            if both_classes and predicted.min() < predicted.max()
            else math.nan
        ),
        "sensitivity_at_95_specificity": at_specificity,
        "specificity_at_95_sensitivity": at_sensitivity,
        # An exact sum, which the order of the rows does not change.
        "brier": math.fsum((p - y) ** 2) / len(y),
        "tp": tp,
        "fp": fp,
        "tn": tn,
        "fn": fn,
    }


def _operating_points(y: IntArray, p: FloatArray) -> tuple[float, float]:
    """Sensitivity at 95 % specificity, specificity at 95 % sensitivity."""
    positives = int(y.sum())
    negatives = len(y) - positives
    if not positives or not negatives:
        return math.nan, math.nan
    false_rate, true_rate, _ = roc_curve(y, p, drop_intermediate=False)
    # Whole numbers again, so that 19 of 20 is 95 % whatever the rounding of 0.95.
    tp = np.rint(true_rate * positives).astype(np.int64)
    fp = np.rint(false_rate * negatives).astype(np.int64)
    sensitivity = tp[20 * fp <= negatives].max() / positives
    specificity = 1 - fp[20 * tp >= 19 * positives].min() / negatives
    return float(sensitivity), float(specificity)
