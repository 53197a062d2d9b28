"""Decision curve analysis: the net benefit of acting on predictions."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from keras_wa.metrics.arguments import as_labels_and_scores, as_scores

DECISION_THRESHOLDS = tuple(percent / 100 for percent in range(1, 100))
"""Threshold probabilities of the curve, 0.01 to 0.99."""


def decision_curve(
    y_true: ArrayLike,
    y_score: ArrayLike,
    thresholds: ArrayLike = DECISION_THRESHOLDS,
) -> pd.DataFrame:
    """Computes the net benefit of acting on predictions at each threshold.

    To act (recall, biopsy) from a probability `t` on means that a missed cancer weighs
    `(1 - t) / t` times an unnecessary action. The net benefit is then
    `TP / n - FP / n * t / (1 - t)`, in true positives per ROI. A model is useful at
    thresholds where its net benefit is above both `treat_all` and `treat_none`.

    Args:
        y_true: labels, shape `(n,)`, 0 or 1.
        y_score: probabilities, shape `(n,)`, in [0, 1].
        thresholds: shape `(k,)`, in (0, 1).

    Returns:
        A data frame with one row per threshold and the columns `threshold`, `model`,
        `treat_all` and `treat_none` (always 0).

    Raises:
        ValueError: an argument is malformed, or the lengths differ.

    Example:
        >>> from keras_wa.metrics import decision_curve
        >>> curve = decision_curve([0, 0, 1, 1], [0.1, 0.6, 0.7, 0.9], [0.2, 0.5])
        >>> curve["model"].round(4).tolist()
        [0.4375, 0.25]

    Source:
        Vickers & Elkin 2006, doi:10.1177/0272989X06295361.
    """
    y, p = as_labels_and_scores(y_true, y_score)
    t = as_scores(thresholds)
    if t.min() <= 0 or t.max() >= 1:
        raise ValueError(f"thresholds must lie in (0, 1). Received: {t.tolist()}")
    weight = t / (1 - t)
    called = p >= t[:, None]
    true, false = (called & (y == 1)).mean(axis=1), (called & (y == 0)).mean(axis=1)
    prevalence = y.mean()
    return pd.DataFrame(
        {
            "threshold": t,
            "model": true - false * weight,
            "treat_all": prevalence - (1 - prevalence) * weight,
            "treat_none": np.zeros(len(t)),
        }
    )
