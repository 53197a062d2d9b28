from __future__ import annotations

import math
import time

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t

from keras_wa.metrics import resampling
from keras_wa.metrics.bootstrap import (
    cluster_bootstrap,
    cluster_bootstrap_auc,
    tail_share,
)
from keras_wa.metrics.classification import METRIC_NAMES, classification_metrics
from tests.evaluate.tables import expanded, small_set


@pytest.mark.parametrize("n", [2, 5, 30])
def test_the_tails_are_where_students_t_of_a_mean_ends(n):
    # The bootstrap of a mean is about normal with (n - 1) / n of the variance.
    normal = norm(scale=math.sqrt((n - 1) / n))
    assert normal.ppf(tail_share(n, 0.9)) == pytest.approx(t.ppf(0.05, n - 1))
    # With many groups they are the plain ones.
    assert tail_share(10**6, 0.95) == pytest.approx(0.025, rel=1e-4)


def test_intervals_equal_the_percentiles_of_scikit_learn_on_the_same_patients():
    labels, probabilities, patients = small_set(14, levels=10)
    intervals = cluster_bootstrap(
        labels, probabilities, patients, 0.5, n_resamples=99, seed=4, confidence=0.9
    )
    names = np.unique(patients)
    counts = np.random.default_rng(4).multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=99
    )
    members = [np.flatnonzero(patients == name) for name in names]
    slow = []
    for row in counts:
        rows = np.concatenate(
            [np.tile(m, n) for m, n in zip(members, row, strict=True)]
        )
        slow.append(classification_metrics(labels[rows], probabilities[rows], 0.5))
    values = classification_metrics(labels, probabilities, 0.5)
    assert tuple(intervals) == METRIC_NAMES
    for name, interval in intervals.items():
        ends = expanded(len(names), 0.9)
        expected = np.nanquantile([each[name] for each in slow], ends)
        assert [interval.low, interval.high] == pytest.approx(expected, abs=1e-12)
        assert interval.value == pytest.approx(values[name], abs=1e-12)
        assert interval.low <= interval.value <= interval.high
        assert interval.low < interval.high


def test_the_seed_alone_decides():
    labels, probabilities, patients = small_set(7)
    first = cluster_bootstrap(labels, probabilities, patients, 0.5, 200, seed=1)
    again = cluster_bootstrap(labels, probabilities, patients, 0.5, 200, seed=1)
    other = cluster_bootstrap(labels, probabilities, patients, 0.5, 200, seed=2)
    assert first == again
    assert first != other


def test_the_chunks_do_not_change_the_result(monkeypatch):
    labels, probabilities, patients = small_set(9)
    whole = cluster_bootstrap(labels, probabilities, patients, 0.5, 101)
    monkeypatch.setattr(resampling, "_CHUNK_ELEMENTS", 7 * len(labels))
    assert cluster_bootstrap(labels, probabilities, patients, 0.5, 101) == whole


def test_the_auc_of_scores_equals_that_of_the_same_probabilities():
    labels, probabilities, patients = small_set(10)
    metrics = cluster_bootstrap(labels, probabilities, patients, 0.5, 300, seed=3)
    logits = np.log(probabilities / (1 - probabilities))
    alone = cluster_bootstrap_auc(labels, logits, patients, 300, seed=3)
    assert alone == metrics["auc"]


def test_resamples_with_one_class_only_are_dropped_and_counted():
    # One of three patients is positive: it is missed in (2/3)^3 of the draws, drawn
    # alone in (1/3)^3.
    labels, probabilities = [1, 0, 0], [0.9, 0.2, 0.4]
    intervals = cluster_bootstrap(labels, probabilities, ["a", "b", "c"], 0.5, 3000)
    share = intervals["auc"].n_dropped / 3000
    assert share == pytest.approx(9 / 27, abs=0.03)
    assert intervals["auc"].low == 1
    assert intervals["accuracy"].n_dropped == 0


def test_one_class_has_no_auc_and_one_patient_no_interval():
    auc = cluster_bootstrap([1, 1], [0.9, 0.2], ["a", "b"], 0.5, 50)["auc"]
    assert np.isnan([auc.value, auc.low, auc.high]).all()
    assert auc.n_dropped == 50
    accuracy = cluster_bootstrap([1, 0], [0.9, 0.2], ["a", "a"], 0.5, 50)["accuracy"]
    assert accuracy.value == 1
    assert np.isnan([accuracy.low, accuracy.high]).all()


def test_more_confidence_widens_the_interval():
    labels, probabilities, patients = small_set(11)
    widths = []
    for confidence in (0.5, 0.9, 0.99):
        interval = cluster_bootstrap_auc(
            labels, probabilities, patients, confidence=confidence
        )
        widths.append(interval.high - interval.low)
    assert widths == sorted(widths)
    assert widths[0] < widths[2]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"n_resamples": 0}, "n_resamples"),
        ({"confidence": 1.0}, "confidence"),
        ({"confidence": 95}, "confidence"),
        ({"groups": ["a"]}, "lengths must be equal"),
    ],
)
def test_bad_arguments_are_refused(change, told):
    arguments = {"y_true": [0, 1], "groups": ["a", "b"], **change}
    with pytest.raises(ValueError, match=told):
        cluster_bootstrap(y_score=[0.1, 0.9], threshold=0.5, **arguments)
    with pytest.raises(ValueError, match=told):
        cluster_bootstrap_auc(y_score=[0.1, 0.9], **arguments)


def test_a_full_test_set_takes_seconds_at_most():
    rng = np.random.default_rng(12)
    patients = rng.integers(151, size=326)
    labels, probabilities = rng.integers(2, size=326), rng.random(326)
    # Processor time, so that a busy machine does not fail the test; about 0.1 s.
    start = time.process_time()
    cluster_bootstrap(labels, probabilities, patients, 0.5, 2000)
    assert time.process_time() - start < 1.0


@pytest.mark.shared_data
def test_the_radiologists_assessment_alone_reaches_its_published_interval(shared_data):
    lists = shared_data / "cbis-ddsm-csv"
    train = pd.read_csv(lists / "calc_case_description_train_set.csv")
    test = pd.read_csv(lists / "calc_case_description_test_set.csv")
    # The category's rate of malignancy in train is the score. It puts BI-RADS 0
    # (incomplete) between 4 and 5.
    rate = (train["pathology"] == "MALIGNANT").groupby(train["assessment"]).mean()
    score = test["assessment"].map(rate)
    labels = test["pathology"] == "MALIGNANT"
    by_patient = cluster_bootstrap(labels, score, test["patient_id"], 0.5)
    by_roi = cluster_bootstrap(labels, score, np.arange(len(test)), 0.5)
    auc = by_patient["auc"]
    assert auc.value == pytest.approx(0.754, abs=0.0005)
    # The Monte-Carlo error of either end is 0.0025 with 2000 resamples.
    assert auc.low == pytest.approx(0.675, abs=0.008)
    assert auc.high == pytest.approx(0.822, abs=0.008)
    assert by_patient["accuracy"].value == pytest.approx(0.727, abs=0.0005)
    assert by_roi["auc"].high - by_roi["auc"].low < 0.75 * (auc.high - auc.low)
