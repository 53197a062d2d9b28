"""What acting on the predictions is worth: net benefit, threshold by threshold."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from keras_wa.metrics.inputs import (
    as_labels,
    as_probabilities,
    as_scores,
    require_equal_lengths,
)

DECISION_THRESHOLDS = tuple(percent / 100 for percent in range(1, 100))
"""The threshold probabilities of the curve, from 0.01 to 0.99."""


def decision_curve(
    y_true: ArrayLike,
    y_score: ArrayLike,
    thresholds: ArrayLike = DECISION_THRESHOLDS,
) -> pd.DataFrame:
    """Net benefit of acting on predictions (Vickers & Elkin 2006).

    Who acts (recalls, biopsies) from a probability of malignancy `t` on holds a missed
    cancer `(1 - t) / t` times as bad as acting in vain. In units of true positives for
    each ROI, the model's net benefit is then `TP / n - FP / n * t / (1 - t)`
    (doi:10.1177/0272989X06295361). A model is of use at the thresholds where it is
    above both of acting always and acting never.

    Args:
        y_true: shape `(n,)`, 0 or 1.
        y_score: shape `(n,)`, in [0, 1]; acted on if `p >= t`.
        thresholds: shape `(k,)`, in (0, 1).

    Returns:
        One row a threshold: `threshold, model, treat_all, treat_none` (always 0).

    Raises:
        ValueError: if an argument is malformed or the lengths differ.
    """
    y, p, t = as_labels(y_true), as_probabilities(y_score), as_scores(thresholds)
    require_equal_lengths(y_true=y, y_score=p)
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
