"""The decision threshold, chosen on validation and never on the test set."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from keras_wa.errors import UserError, unknown_name
from keras_wa.metrics.inputs import (
    FloatArray,
    as_labels,
    as_probabilities,
    require_equal_lengths,
)

THRESHOLD_RULES = ("youden", "f1")
"""The rules that choose the best threshold."""

TARGET_RULES = ("sensitivity", "specificity")
"""The rules that choose one by what it has to reach, as in `"sensitivity:0.95"`."""


def choose_threshold(
    y_true: ArrayLike, y_score: ArrayLike, rule: str | float = "youden"
) -> float:
    """Chooses the threshold above which an ROI is called positive.

    An ROI is positive if `p >= threshold`. The threshold lies midway between two
    adjacent distinct probabilities, so that floating-point noise on another machine
    flips no ROI of the validation set. Calling everything positive is the one other
    candidate, and for a specificity calling nothing positive. Of equally good
    thresholds the lowest is taken, because a missed cancer costs more than a recall.

    Args:
        y_true: shape `(n,)`, 0 or 1, of the validation set.
        y_score: shape `(n,)`, in [0, 1], of the validation set.
        rule: `"youden"` maximises sensitivity + specificity - 1 (Youden 1950,
            doi:10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3), `"f1"`
            maximises F1; `"sensitivity:0.95"` is the highest threshold with at least
            that sensitivity, `"specificity:0.9"` the lowest with at least that
            specificity; a number in [0, 1] is itself the threshold.

    Returns:
        The threshold, in [0, 1].

    Raises:
        UserError: if the rule is unknown, its target or a fixed threshold is out of
            range, no threshold in [0, 1] reaches the target, or a rule is to choose and
            the validation set holds one class only.
        ValueError: if labels or probabilities are malformed or differ in length.
    """
    y = as_labels(y_true)
    p = as_probabilities(y_score)
    require_equal_lengths(y_true=y, y_score=p)
    if not isinstance(rule, str):
        if not 0 <= rule <= 1:
            raise UserError(
                f"A fixed threshold must lie in [0, 1]. Received: {rule}; "
                "give a probability such as 0.5."
            )
        return float(rule)
    name, target = _parse(rule)
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
    if name == "youden":
        # J times both class sizes: whole numbers, so that ties are exact.
        best = int(np.argmax(tp * n_negative - fp * n_positive))
    elif name == "f1":
        best = int(np.argmax(2 * tp / (tp + fp + n_positive)))
    elif name == "sensitivity":
        best = int(np.flatnonzero(tp >= math.ceil(target * n_positive))[-1])
    else:
        good = n_negative - fp >= math.ceil(target * n_negative)
        best = int(np.argmax(good)) if good.any() else len(levels)
    return _just_below(levels, best, rule)


def _parse(rule: str) -> tuple[str, Fraction]:
    """The name of a rule and its target, which is 0 for those without."""
    if rule in THRESHOLD_RULES:
        return rule, Fraction(0)
    name, _, text = rule.partition(":")
    if name not in TARGET_RULES:
        examples = [f"{each}:0.95" for each in TARGET_RULES]
        raise unknown_name("threshold rule", rule, (*THRESHOLD_RULES, *examples))
    try:
        # Exactly what was written: 0.55 as a float asks for 56 of 100.
        target = Fraction(text)
    except (ValueError, ZeroDivisionError):
        target = Fraction(0)
    if not 0 < target <= 1:
        raise UserError(
            f"The threshold rule {name!r} needs a number in (0, 1] after a colon. "
            f"Received: {rule!r}; expected for example '{name}:0.95'."
        )
    return name, target


def _just_below(levels: FloatArray, index: int, rule: str) -> float:
    """A threshold from which on `levels[index]` and those above are positive."""
    level = float(levels[index]) if index < len(levels) else 1.0
    below = float(levels[index - 1]) if index else 0.0
    if index == len(levels) and below == 1:
        raise UserError(
            f"No threshold reaches the rule {rule!r} on validation. Received: negative "
            "ROIs with probability 1; expected a lower target, or a model less sure."
        )
    middle = below + (level - below) / 2
    # Two neighbouring doubles have no double between them.
    return middle if middle > below else level
