from __future__ import annotations

import numpy as np
import pytest

from keras_wa.errors import UserError
from keras_wa.metrics.threshold import THRESHOLD_RULES, choose_threshold


def youden(labels, predicted):
    return predicted[labels == 1].mean() - predicted[labels == 0].mean()


def f1(labels, predicted):
    recall = predicted[labels == 1].mean()
    precision = labels[predicted].mean() if predicted.any() else 0.0
    return 2 * precision * recall / (precision + recall) if recall else 0.0


OBJECTIVES = {"youden": youden, "f1": f1}


@pytest.mark.parametrize("rule", THRESHOLD_RULES)
@pytest.mark.parametrize("seed", range(8))
def test_no_other_threshold_is_better(rule, seed):
    rng = np.random.default_rng(seed)
    labels = np.r_[0, 1, rng.integers(2, size=38)]
    probabilities = np.round(rng.random(40) * 0.7 + 0.3 * labels, 1 + seed % 2)
    threshold = choose_threshold(labels, probabilities, rule)
    objective = OBJECTIVES[rule]
    reached = objective(labels, probabilities >= threshold)
    for other in np.linspace(0, 1, 401):
        assert objective(labels, probabilities >= other) <= reached + 1e-12
        # Of equally good thresholds it is the lowest: below it, all are worse.
        if not np.array_equal(probabilities >= other, probabilities >= threshold):
            better_below = other < threshold
            equal = objective(labels, probabilities >= other) >= reached - 1e-12
            assert not (better_below and equal)


def test_float_noise_flips_no_roi():
    rng = np.random.default_rng(3)
    probabilities = (rng.permutation(200) + 0.5) / 200
    labels = (probabilities + rng.normal(0, 0.3, 200) > 0.5).astype(int)
    threshold = choose_threshold(labels, probabilities)
    noisy = probabilities + rng.uniform(-1e-4, 1e-4, 200)
    assert np.array_equal(noisy >= threshold, probabilities >= threshold)


def test_of_equally_good_thresholds_the_most_sensitive_is_taken():
    # J is 8/10 - 2/10 above 0.5 and 10/10 - 4/10 above 0.1. In floats the first is
    # larger by a rounding error, which must not decide.
    assert 0.8 - 0.2 > 1.0 - 0.4
    labels = [1] * 8 + [0] * 2 + [1] * 2 + [0] * 2 + [0] * 6
    probabilities = [0.9] * 10 + [0.5] * 4 + [0.1] * 6
    assert choose_threshold(labels, probabilities) == pytest.approx(0.3)


@pytest.mark.parametrize("rule", THRESHOLD_RULES)
@pytest.mark.parametrize("constant", [0.0, 0.3, 1.0])
def test_constant_probabilities_are_all_called_positive(rule, constant):
    threshold = choose_threshold([0, 1, 1], [constant] * 3, rule)
    assert 0 <= threshold <= constant


def test_neighbouring_doubles_are_told_apart():
    low = 0.4
    high = float(np.nextafter(low, 1))
    threshold = choose_threshold([0, 1], [low, high])
    assert low < threshold <= high


@pytest.mark.parametrize("fixed", [0, 0.5, 1, np.float32(0.25)])
def test_a_number_is_itself_the_threshold(fixed):
    threshold = choose_threshold([1, 1], [0.2, 0.9], fixed)
    assert threshold == fixed
    assert type(threshold) is float


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="lengths must be equal"):
        choose_threshold([0, 1], [0.2, 0.5, 0.9])


def rates(labels, called):
    return called[labels == 1].mean(), 1 - called[labels == 0].mean()


@pytest.mark.parametrize("target", ["0.5", "0.8", "0.95", "1"])
@pytest.mark.parametrize("seed", range(6))
def test_the_target_is_reached_and_by_no_threshold_farther_on(seed, target):
    rng = np.random.default_rng(seed)
    labels = np.r_[0, 1, rng.integers(2, size=38)]
    probabilities = np.round(rng.random(40) * 0.7 + 0.3 * labels, 1 + seed % 2) * 0.9
    high = choose_threshold(labels, probabilities, f"sensitivity:{target}")
    low = choose_threshold(labels, probabilities, f"specificity:{target}")
    assert rates(labels, probabilities >= high)[0] >= float(target)
    assert rates(labels, probabilities >= low)[1] >= float(target)
    for other in np.linspace(0, 1, 401):
        called = probabilities >= other
        sensitivity, specificity = rates(labels, called)
        if other > high and not np.array_equal(called, probabilities >= high):
            assert sensitivity < float(target)
        if other < low and not np.array_equal(called, probabilities >= low):
            assert specificity < float(target)


def test_the_target_is_what_was_written_and_not_its_nearest_float():
    # 55 of 100 are enough, although 0.55 * 100 is more than 55 in floats.
    assert 0.55 * 100 > 55
    labels = np.r_[np.ones(100, int), 0]
    probabilities = np.r_[np.linspace(1, 0.01, 100), 0.0]
    threshold = choose_threshold(labels, probabilities, "sensitivity:0.55")
    assert (probabilities >= threshold)[:100].sum() == 55


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("youden", 0.4),
        ("sensitivity:0.5", 0.75),
        ("sensitivity:0.95", 0.4),
        ("specificity:0.5", 0.15),
        ("specificity:1", 0.4),
    ],
)
def test_the_threshold_lies_midway_between_adjacent_probabilities(rule, expected):
    found = choose_threshold([0, 0, 1, 1], [0.1, 0.2, 0.6, 0.9], rule)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("labels", "rule", "told"),
    [
        *(([0, 1], fixed, r"lie in \[0, 1\]") for fixed in (-0.1, 1.1, np.nan)),
        ([0, 0], "youden", "needs both classes"),
        ([1, 1], "youden", "needs both classes"),
        ([0, 1], "yuden", "did you mean 'youden'"),
        ([0, 1], "sensitvity:0.95", "did you mean 'sensitivity:0.95'"),
        *(
            ([0, 1], rule, f"Received: '{rule}'; expected for example")
            for rule in (
                "sensitivity",
                "sensitivity:",
                "specificity:1.5",
                "specificity:0",
                "sensitivity:x",
            )
        ),
    ],
)
def test_a_rule_that_cannot_be_followed_is_the_users_mistake(labels, rule, told):
    with pytest.raises(UserError, match=told):
        choose_threshold(labels, [0.2, 0.9], rule)


def test_a_specificity_may_need_that_nothing_is_positive():
    threshold = choose_threshold([1, 0], [0.2, 0.8], "specificity:0.9")
    assert threshold == pytest.approx(0.9)
    with pytest.raises(UserError, match="No threshold reaches the rule 'specificity"):
        choose_threshold([1, 0], [0.2, 1.0], "specificity:0.9")
