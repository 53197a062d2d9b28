"""Conformance test for a metric of labels and scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from keras_wa.metrics import Estimate

Metric = Callable[..., "float | Estimate"]


def run_metric_test(
    metric: Metric,
    kwargs: Mapping[str, Any] | None = None,
    *,
    ranks_only: bool = False,
    interval: bool = False,
    groups: bool = False,
    one_class: Collection[int] = (),
) -> None:
    """Checks the general properties of a metric.

    The order of the ROIs must not matter, and equal scores must be accepted. NaN
    scores, labels other than 0 and 1, empty input and unequal lengths must raise a
    `ValueError`.

    Args:
        metric: function of `y_true`, `y_score` in [0, 1] and, with `groups`, the
            patient of each ROI, that returns a number or an `Estimate`.
        kwargs: further arguments of each call.
        ranks_only: whether it must depend only on the order of the scores.
        interval: whether it must return an `Estimate` whose interval contains its
            value.
        groups: whether it must respect patients: their names do not matter, and
            repeating each ROI in its patient does not change the result. With
            `interval`, making each ROI a patient must change the interval.
        one_class: the labels (of 0 and 1) for which it is defined if all ROIs have that
            label. For other labels it must be NaN or raise a `ValueError`.

    Raises:
        AssertionError: a check fails.

    Example:
        >>> from keras_wa.testing import run_metric_test
        >>> from keras_wa.metrics import auc
        >>> run_metric_test(auc, ranks_only=True, interval=True, groups=True)
    """
    rng = np.random.default_rng(0)
    patients = np.sort(rng.integers(20, size=80))
    y_true = rng.integers(2, size=20)[patients] ^ (rng.random(80) < 0.2)
    # With ties; ROIs of a patient share a part of their score.
    own = rng.random(20)[patients] + rng.random(80)
    y_score = np.round(0.3 * y_true + 0.35 * own, 2)

    def value(y: Any, score: Any, of: Any = patients) -> Estimate:
        found = metric(y, score, *([of] if groups else []), **(kwargs or {}))
        if isinstance(found, Estimate):
            return found
        return Estimate(float(found), math.nan, math.nan)

    whole = value(y_true, y_score)
    assert math.isfinite(whole.value), f"it is {whole.value}"
    if interval:
        inside = whole.low <= whole.value <= whole.high
        assert inside, f"{whole.value} is not in [{whole.low}, {whole.high}]"
    order = rng.permutation(80)
    shuffled = value(y_true[order], y_score[order], patients[order])
    _check_same(shuffled, whole, "the order of the ROIs matters")
    value(y_true, np.full(80, 0.3))
    if ranks_only:
        cubed = value(y_true, y_score**3)
        _check_same(cubed, whole, "more than the order of the scores matters")
    if groups:
        named = value(y_true, y_score, [f"P_{each:05d}" for each in patients])
        _check_same(named, whole, "the names of the patients matter")
        twice = value(*(np.repeat(each, 2) for each in (y_true, y_score, patients)))
        _check_same(twice, whole, "ROIs of one patient count as independent")
        single = value(y_true, y_score, np.arange(80))
        same = (single.low, single.high) == (whole.low, whole.high)
        assert not (interval and same), "the patients do not matter"
    for label in (0, 1):
        try:
            found = value(np.full(80, label), y_score)
        except ValueError:
            assert label not in one_class, f"labels that are all {label} are refused"
        else:
            defined = not math.isnan(found.value)
            assert defined == (label in one_class), f"{found.value} for label {label}"
    missing = np.where(np.arange(80) == 3, np.nan, y_score)
    for what, arguments in {
        "a score that is NaN": (y_true, missing),
        "a label that is 2": (np.where(np.arange(80) == 3, 2, y_true), y_score),
        "one score too few": (y_true, y_score[1:]),
        "no ROI": ([], [], []),
    }.items():
        try:
            value(*arguments)
        except ValueError:
            continue
        raise AssertionError(f"{what} is accepted")


def _check_same(found: Estimate, expected: Estimate, otherwise: str) -> None:
    for end in ("value", "low", "high"):
        one, other = getattr(found, end), getattr(expected, end)
        assert np.isclose(one, other, rtol=1e-9, equal_nan=True), otherwise
