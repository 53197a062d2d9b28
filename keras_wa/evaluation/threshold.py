"""The decision threshold, chosen on validation and never on the test set."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from keras_wa.errors import UserError, unknown_name
from keras_wa.evaluation.inputs import (
    as_labels,
    as_probabilities,
    require_equal_lengths,
)

#: The rules that choose a threshold from data.
THRESHOLD_RULES = ("youden", "f1")


def choose_threshold(
    labels: ArrayLike, probabilities: ArrayLike, rule: str | float = "youden"
) -> float:
    """Chooses the threshold above which an ROI is called positive.

    An ROI is positive if `p >= threshold`. The threshold lies midway between two
    adjacent distinct probabilities, so that floating-point noise on another machine
    flips no ROI of the validation set. Calling everything positive is the one other
    candidate. Of equally good thresholds the lowest is taken, because a missed cancer
    costs more than a recall.

    Args:
        labels: shape `(n,)`, 0 or 1, of the validation set.
        probabilities: shape `(n,)`, in [0, 1], of the validation set.
        rule: `"youden"` maximises sensitivity + specificity - 1 (Youden 1950,
            doi:10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3), `"f1"`
            maximises F1; a number in [0, 1] is itself the threshold.

    Returns:
        The threshold, in [0, 1].

    Raises:
        UserError: if the rule is unknown, a fixed threshold lies outside [0, 1], or a
            rule is to choose and the validation set holds one class only.
        ValueError: if labels or probabilities are malformed or differ in length.
    """
    y = as_labels(labels)
    p = as_probabilities(probabilities)
    require_equal_lengths(labels=y, probabilities=p)
    if not isinstance(rule, str):
        if not 0 <= rule <= 1:
            raise UserError(
                f"A fixed threshold must lie in [0, 1]. Received: {rule}; "
                "give a probability such as 0.5."
            )
        return float(rule)
    if rule not in THRESHOLD_RULES:
        raise unknown_name("threshold rule", rule, THRESHOLD_RULES)
    n_positive = int(y.sum())
    n_negative = len(y) - n_positive
    if n_positive == 0 or n_negative == 0:
        raise UserError(
            f"The rule {rule!r} needs both classes in the validation set. Received: "
            f"{n_positive} positive and {n_negative} negative ROIs; "
            "take a larger validation set or fix the threshold, for example 0.5."
        )

    levels, level_of_roi = np.unique(p, return_inverse=True)
    # tp[k], fp[k]: positives called at levels[k] and above.
    positives = np.bincount(level_of_roi, weights=y, minlength=len(levels))
    negatives = np.bincount(level_of_roi, weights=1 - y, minlength=len(levels))
    tp = np.cumsum(positives[::-1])[::-1]
    fp = np.cumsum(negatives[::-1])[::-1]
    if rule == "youden":
        # J times both class sizes: whole numbers, so that ties are exact.
        objective = tp * n_negative - fp * n_positive
    else:
        objective = 2 * tp / (tp + fp + n_positive)

    best = int(np.argmax(objective))
    level = float(levels[best])
    below = float(levels[best - 1]) if best else 0.0
    middle = below + (level - below) / 2
    # Two neighbouring doubles have no double between them.
    return middle if middle > below else level
