from __future__ import annotations

import numpy as np
import pytest

from keras_wa.errors import UserError
from keras_wa.evaluation.threshold import THRESHOLD_RULES, choose_threshold


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


def test_the_threshold_lies_midway_between_adjacent_probabilities():
    assert choose_threshold([0, 0, 1, 1], [0.1, 0.2, 0.6, 0.9]) == pytest.approx(0.4)


def test_float_noise_flips_no_roi():
    rng = np.random.default_rng(3)
    probabilities = (rng.permutation(200) + 0.5) / 200
    labels = (probabilities + rng.normal(0, 0.3, 200) > 0.5).astype(int)
    threshold = choose_threshold(labels, probabilities)
    noisy = probabilities + rng.uniform(-1e-4, 1e-4, 200)
    assert np.array_equal(noisy >= threshold, probabilities >= threshold)


def test_the_order_of_the_rows_does_not_matter():
    rng = np.random.default_rng(4)
    labels = rng.integers(2, size=50)
    probabilities = rng.integers(6, size=50) / 5
    order = rng.permutation(50)
    for rule in THRESHOLD_RULES:
        assert choose_threshold(labels, probabilities, rule) == choose_threshold(
            labels[order], probabilities[order], rule
        )


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


@pytest.mark.parametrize("fixed", [-0.1, 1.1, float("nan")])
def test_a_fixed_threshold_outside_0_to_1_is_the_users_mistake(fixed):
    with pytest.raises(UserError, match=r"lie in \[0, 1\]"):
        choose_threshold([0, 1], [0.2, 0.9], fixed)


def test_an_unknown_rule_suggests_the_nearest():
    with pytest.raises(UserError, match="did you mean 'youden'"):
        choose_threshold([0, 1], [0.2, 0.9], "yuden")


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_only_is_the_users_mistake(label):
    with pytest.raises(UserError, match="needs both classes"):
        choose_threshold([label] * 3, [0.2, 0.5, 0.9])


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="lengths must be equal"):
        choose_threshold([0, 1], [0.2, 0.5, 0.9])
