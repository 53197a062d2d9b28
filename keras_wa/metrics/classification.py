"""Classification metrics of one set of predictions at one threshold."""

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

from keras_wa.metrics.arguments import (
    FloatArray,
    IntArray,
    as_labels_and_scores,
    as_scores,
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
"""The metrics of `classification_metrics`, in the order of reports."""


def area_under_roc(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Computes the area under the ROC curve, of scores of any range.

    Ties count one half. NaN if there is only one class.
    """
    y, s = as_labels_and_scores(y_true, y_score, as_scores)
    if y.min() == y.max():
        return math.nan
    return float(roc_auc_score(y, s))


def classification_metrics(
    y_true: ArrayLike, y_score: ArrayLike, threshold: float
) -> dict[str, float | int]:
    """Computes classification metrics at a threshold.

    A metric with a zero denominator is NaN: sensitivity without positives, specificity
    without negatives, precision without predicted positives, F1 without positives of
    either kind, MCC if all labels or all predictions are equal, and with one class AUC,
    AUPRC, balanced accuracy and the operating points.

    Args:
        y_true: labels, shape `(n,)`, 0 or 1.
        y_score: probabilities, shape `(n,)`, in [0, 1].
        threshold: decision threshold; positive if `y_score >= threshold`, in float64.

    Returns:
        A dictionary of floats: `auc`, `auprc` (average precision), `accuracy`,
        `balanced_accuracy`, `sensitivity`, `specificity`, `precision`, `f1`, `mcc`,
        `sensitivity_at_95_specificity` and `specificity_at_95_sensitivity` (the highest
        of any threshold with at least 95 % of the other, without interpolation), and
        `brier` (mean squared error, 0 is best); and the counts `tp, fp, tn, fn`.

    Raises:
        ValueError: the inputs are malformed or differ in length.

    Example:
        >>> from keras_wa.metrics import classification_metrics
        >>> found = classification_metrics([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], 0.5)
        >>> found["auc"], found["sensitivity"], found["fp"]
        (0.75, 0.5, 1)
    """
    y, p = as_labels_and_scores(y_true, y_score)
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
        # An exact sum does not depend on the order of the rows.
        "brier": math.fsum((p - y) ** 2) / len(y),
        "tp": tp,
        "fp": fp,
        "tn": tn,
        "fn": fn,
    }


def _operating_points(y: IntArray, p: FloatArray) -> tuple[float, float]:
    """Returns sensitivity at 95 % specificity and specificity at 95 % sensitivity."""
    positives = int(y.sum())
    negatives = len(y) - positives
    if not positives or not negatives:
        return math.nan, math.nan
    false_rate, true_rate, _ = roc_curve(y, p, drop_intermediate=False)
    # Back to counts, so that 19 of 20 is 95 % whatever the rounding of 0.95.
    tp = np.rint(true_rate * positives).astype(np.int64)
    fp = np.rint(false_rate * negatives).astype(np.int64)
    sensitivity = tp[20 * fp <= negatives].max() / positives
    specificity = 1 - fp[20 * tp >= 19 * positives].min() / negatives
    return float(sensitivity), float(specificity)
