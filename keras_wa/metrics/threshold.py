"""The decision threshold, chosen on the validation set, never on the test set."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from keras_wa.errors import UserError, unknown_name
from keras_wa.metrics.arguments import FloatArray, as_labels_and_scores

THRESHOLD_RULES = ("youden", "f1")
"""Rules that maximise a criterion."""

TARGET_RULES = ("sensitivity", "specificity")
"""Rules with a target, such as `"sensitivity:0.95"`."""


def choose_threshold(
    y_true: ArrayLike, y_score: ArrayLike, rule: str | float = "youden"
) -> float:
    """Chooses the decision threshold on the validation set.

    An ROI is positive if `y_score >= threshold`. The threshold lies midway between two
    adjacent probabilities, so that rounding on another machine changes no decision of
    the validation set. Of equally good thresholds the lowest is taken, since a missed
    cancer costs more than a recall.

    Args:
        y_true: labels of the validation set, shape `(n,)`, 0 or 1.
        y_score: its probabilities, shape `(n,)`, in [0, 1].
        rule: `"youden"` maximises sensitivity + specificity - 1, `"f1"` maximises F1,
            `"sensitivity:0.95"` is the highest threshold with at least that
            sensitivity, `"specificity:0.9"` the lowest with at least that specificity;
            a number in [0, 1] is the threshold itself.

    Returns:
        The threshold, in [0, 1].

    Raises:
        UserError: the rule is unknown, its target or the number is out of range, no
            threshold reaches the target, or a rule has only one class to choose on.
        ValueError: labels or probabilities are malformed or differ in length.

    Example:
        >>> from keras_wa.metrics import choose_threshold
        >>> y_true, y_score = [0, 0, 1, 1], [0.1, 0.4, 0.6, 0.9]
        >>> choose_threshold(y_true, y_score)
        0.5
        >>> choose_threshold(y_true, y_score, "sensitivity:0.5")
        0.75

    Source:
        Youden 1950, "Index for rating diagnostic tests".
    """
    y, p = as_labels_and_scores(y_true, y_score)
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
    # True and false positives at each of these thresholds.
    tp, fp = (
        np.cumsum(np.bincount(level_of_roi, weights=rois)[::-1])[::-1]
        for rois in (y, 1 - y)
    )
    if name == "youden":
        # Youden's J times both class sizes: integers, so that ties are exact.
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
    """Returns the name of a rule and its target, 0 if it has none."""
    if rule in THRESHOLD_RULES:
        return rule, Fraction(0)
    name, _, text = rule.partition(":")
    if name not in TARGET_RULES:
        examples = [f"{each}:0.95" for each in TARGET_RULES]
        raise unknown_name("threshold rule", rule, (*THRESHOLD_RULES, *examples))
    try:
        # Exact: 0.55 as a float would ask for 56 of 100.
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
    """Returns a threshold with `levels[index]` and those above positive."""
    level = float(levels[index]) if index < len(levels) else 1.0
    below = float(levels[index - 1]) if index else 0.0
    if index == len(levels) and below == 1:
        raise UserError(
            f"No threshold reaches the rule {rule!r} on validation. Received: negative "
            "ROIs with probability 1; expected a lower target, or another model."
        )
    middle = below + (level - below) / 2
    # Adjacent floats have no float between them.
    return middle if middle > below else level
