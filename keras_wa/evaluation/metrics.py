"""Point estimates: what one set of predictions scores at one threshold."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from keras_wa.evaluation.inputs import (
    as_labels,
    as_probabilities,
    as_scores,
    require_equal_lengths,
)

#: The metrics, in the order in which they are reported.
METRIC_NAMES = ("auc", "accuracy", "sensitivity", "specificity", "precision", "f1")


def area_under_roc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve of scores of any range; ties count one half.

    Args:
        labels: shape `(n,)`, 0 or 1.
        scores: shape `(n,)`, finite; higher means more likely positive.

    Returns:
        The area in [0, 1], or NaN where only one class is present.

    Raises:
        ValueError: if the inputs are malformed or differ in length.
    """
    y = as_labels(labels)
    s = as_scores(scores)
    require_equal_lengths(labels=y, scores=s)
    if y.min() == y.max():
        return math.nan
    return float(roc_auc_score(y, s))


def classification_metrics(
    labels: ArrayLike, probabilities: ArrayLike, threshold: float
) -> dict[str, float | int]:
    """Scores predictions at a threshold: an ROI is positive if `p >= threshold`.

    What has a zero denominator is undefined, hence NaN and not 0 or 1: sensitivity
    without positives, specificity without negatives, precision without predicted
    positives, F1 without either kind of positive, AUC with one class only.

    Args:
        labels: shape `(n,)`, 0 or 1.
        probabilities: shape `(n,)`, probability of the positive class in [0, 1].
        threshold: decision threshold, compared in float64.

    Returns:
        `auc, accuracy, sensitivity, specificity, precision, f1` as floats and the
        counts `tp, fp, tn, fn` as ints.

    Raises:
        ValueError: if the inputs are malformed or differ in length.
    """
    y = as_labels(labels)
    p = as_probabilities(probabilities)
    require_equal_lengths(labels=y, probabilities=p)
    predicted = (p >= threshold).astype(int)
    tn, fp, fn, tp = confusion_matrix(y, predicted, labels=[0, 1]).ravel().tolist()
    undefined = {"zero_division": math.nan}
    return {
        "auc": area_under_roc(y, p),
        "accuracy": float(accuracy_score(y, predicted)),
        "sensitivity": float(recall_score(y, predicted, **undefined)),
        "specificity": float(recall_score(y, predicted, pos_label=0, **undefined)),
        "precision": float(precision_score(y, predicted, **undefined)),
        "f1": float(f1_score(y, predicted, **undefined)),
        "tp": tp,
        "fp": fp,
        "tn": tn,
        "fn": fn,
    }
