from __future__ import annotations

import math
import time

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from keras_wa.metrics.bootstrap import cluster_bootstrap
from keras_wa.metrics.classification import METRIC_NAMES, classification_metrics
from keras_wa.metrics.delong import delong_seeds_test
from keras_wa.metrics.paired import holm, mean_over_seeds, paired_differences
from tests.evaluate.tables import expanded, seeds_of, small_set


def data(seed, n=60, n_patients=20):
    rng = np.random.default_rng(seed)
    labels = np.r_[0, 1, rng.integers(2, size=n - 2)]
    return rng, labels, rng.integers(n_patients, size=n)


def test_one_seed_has_the_interval_of_the_bootstrap_by_patient():
    labels, p, patients = small_set(0, levels=10)
    expected = cluster_bootstrap(labels, p, patients, 0.4, 300, seed=5)
    found = mean_over_seeds(labels, [p], [0.4], patients, 300, seed=5)
    assert tuple(found) == METRIC_NAMES
    for name, estimate in found.items():
        assert estimate.mean == estimate.values[0]
        assert estimate.mean == pytest.approx(expected[name].value, abs=1e-12)
        assert (estimate.low, estimate.high) == (
            expected[name].low,
            expected[name].high,
        )
        assert math.isnan(estimate.sd)


def test_mean_and_sd_are_those_of_the_seeds_each_at_its_own_threshold():
    rng, labels, patients = data(1)
    p = seeds_of(rng, labels, patients, 3)
    thresholds = [0.3, 0.5, 0.7]
    found = mean_over_seeds(labels, p, thresholds, patients, 50)
    for name, estimate in found.items():
        values = [
            classification_metrics(labels, row, t)[name]
            for row, t in zip(p, thresholds, strict=True)
        ]
        assert estimate.values == pytest.approx(values)
        assert estimate.mean == pytest.approx(np.mean(values))
        assert estimate.sd == pytest.approx(np.std(values, ddof=1))


def test_the_interval_is_that_of_a_slow_loop_over_patients_and_seeds():
    rng, labels, patients = data(2)
    p = seeds_of(rng, labels, patients, 3, seed_sd=1.0)
    found = mean_over_seeds(labels, p, [0.5] * 3, patients, 4000)["accuracy"]
    members = [np.flatnonzero(patients == name) for name in np.unique(patients)]
    correct = labels == (p >= 0.5)
    slow = []
    for _ in range(4000):
        drawn = rng.integers(len(members), size=len(members))
        rows = np.concatenate([members[i] for i in drawn])
        slow.append(np.mean([correct[s, rows].mean() for s in rng.integers(3, size=3)]))
    low, high = np.quantile(slow, expanded(len(members), 0.95))
    # Two independent draws of 4000: the Monte-Carlo error is about 0.004.
    assert found.low == pytest.approx(low, abs=0.015)
    assert found.high == pytest.approx(high, abs=0.015)


def test_seeds_that_differ_widen_the_interval():
    rng, labels, patients = data(3)
    p = seeds_of(rng, labels, patients, 1)[0]
    good, bad = np.clip(p + 0.3 * labels, 0, 1), np.clip(p - 0.3 * labels, 0, 1)
    same = mean_over_seeds(labels, [p, p], [0.5] * 2, patients, 500)["auc"]
    apart = mean_over_seeds(labels, [good, bad], [0.5] * 2, patients, 500)["auc"]
    assert apart.high - apart.low > 1.5 * (same.high - same.low)


def test_a_difference_is_first_less_second_and_turns_round():
    rng, labels, patients = data(4)
    a = seeds_of(rng, labels, patients, 2, gain=2.5)
    b = seeds_of(rng, labels, patients, 3, gain=0.2)
    there = paired_differences(labels, a, b, patients, [0.5] * 2, [0.5] * 3, 500)
    means = [
        {name: each.mean for name, each in found.items()}
        for found in (
            mean_over_seeds(labels, a, [0.5] * 2, patients, 10),
            mean_over_seeds(labels, b, [0.5] * 3, patients, 10),
        )
    ]
    for name in METRIC_NAMES:
        value = there[name].value
        assert value == pytest.approx(means[0][name] - means[1][name])
        assert there[name].low < value < there[name].high
    assert there["auc"].value > 0 > there["brier"].value
    back = paired_differences(labels, b, a, patients, [0.5] * 3, [0.5] * 2, 500)
    assert back["auc"].p_value == pytest.approx(there["auc"].p_value)
    assert back["accuracy"].value == pytest.approx(-there["accuracy"].value)


def test_a_system_does_not_differ_from_itself():
    rng, labels, patients = data(5)
    p = seeds_of(rng, labels, patients, 1)
    for each in paired_differences(labels, p, p, patients, [0.5], [0.5], 100).values():
        assert (each.value, each.low, each.high, each.p_value) == (0, 0, 0, 1)


def test_pairing_makes_alike_systems_tell_apart_better_than_their_own_intervals():
    rng, labels, patients = data(6)
    p = seeds_of(rng, labels, patients, 1)
    q = np.clip(p + rng.normal(0, 0.02, p.shape), 0, 1)
    found = paired_differences(labels, p, q, patients, [0.5], [0.5], 500)["auc"]
    own = mean_over_seeds(labels, p, [0.5], patients, 500)["auc"]
    assert found.high - found.low < 0.5 * (own.high - own.low)


@pytest.mark.parametrize(("n_a", "n_b"), [(1, 1), (3, 2)])
def test_the_p_value_of_the_auc_is_delongs(n_a, n_b):
    rng, labels, patients = data(7)
    a, b = (seeds_of(rng, labels, patients, n) for n in (n_a, n_b))
    found = paired_differences(labels, a, b, patients, [0.5] * n_a, [0.5] * n_b, 10)
    expected = delong_seeds_test(labels, a, b, patients)
    assert found["auc"].p_value == pytest.approx(expected)


def test_the_other_p_values_count_the_resamples_on_either_side():
    rng, labels, patients = data(9)
    a = seeds_of(rng, labels, patients, 1, gain=1.4)
    b = seeds_of(rng, labels, patients, 1, gain=0.9)
    found = paired_differences(labels, a, b, patients, [0.5], [0.5], 99, seed=3)
    names = np.unique(patients)
    codes = np.searchsorted(names, patients)
    counts = np.random.default_rng(3).multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=99
    )
    right = (a[0] >= 0.5) == labels
    differs = right.astype(int) - ((b[0] >= 0.5) == labels)
    drawn = [np.sum(row[codes] * differs) for row in counts]
    smaller = min(sum(d <= 0 for d in drawn), sum(d >= 0 for d in drawn))
    assert found["accuracy"].p_value == pytest.approx(min(1, 2 * (smaller + 1) / 100))


def test_a_single_patient_leaves_interval_and_p_value_undefined():
    found = paired_differences(
        [0, 1], [[0.1, 0.9]], [[0.6, 0.4]], ["a", "a"], [0.5], [0.5], 9
    )
    for each in found.values():
        assert math.isnan(each.low)
        assert math.isnan(each.p_value)


@pytest.mark.parametrize("count", [1, 2, 9])
def test_holms_adjustment_is_that_of_statsmodels(count):
    p = np.round(np.random.default_rng(count).random(count) / 3, 1 + count % 2)
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_holms_adjustment_is_that_done_by_hand():
    # Sorted: 0.01 x 4, 0.02 x 3, 0.03 x 2, 0.04 x 1, none below the one before it.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == pytest.approx([1, 1])


@pytest.mark.parametrize("wrong", [[0.5, math.nan], [1.2], [-0.1], []])
def test_what_is_no_p_value_is_refused(wrong):
    with pytest.raises(ValueError, match="Received"):
        holm(wrong)


def test_a_full_comparison_takes_seconds_at_most():
    rng = np.random.default_rng(11)
    labels, patients = rng.integers(2, size=326), rng.integers(151, size=326)
    a, b = (seeds_of(rng, labels, patients, 5) for _ in range(2))
    # Processor time, so that a busy machine does not fail the test; about 1.5 s.
    start = time.process_time()
    paired_differences(labels, a, b, patients, [0.5] * 5, [0.5] * 5, 2000)
    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"first": [0.1, 0.9]}, "a row for each seed"),
        ({"second": [[0.1, 0.9, 0.5]]}, "lengths must be equal"),
        ({"first_thresholds": [0.5, 0.5]}, "one per seed, or one per seed and ROI"),
        ({"second_thresholds": [[0.5]]}, "one per seed, or one per seed and ROI"),
        ({"second_thresholds": [math.nan]}, "finite"),
        ({"second": [[0.1, math.nan]]}, "y_score must lie in"),
        ({"n_resamples": 0}, "n_resamples"),
    ],
)
def test_bad_arguments_are_refused(change, told):
    arguments = {
        "y_true": [0, 1],
        "first": [[0.1, 0.9]],
        "second": [[0.2, 0.8]],
        "groups": ["a", "b"],
        "first_thresholds": [0.5],
        "second_thresholds": [0.5],
        **change,
    }
    with pytest.raises(ValueError, match=told):
        paired_differences(**arguments)
