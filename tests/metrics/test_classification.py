from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from sklearn import metrics as oracle

from keras_wa.metrics.classification import (
    METRIC_NAMES,
    area_under_roc,
    classification_metrics,
)

BOTH_CLASSES = {
    "auc",
    "auprc",
    "balanced_accuracy",
    "mcc",
    "sensitivity_at_95_specificity",
    "specificity_at_95_sensitivity",
}


@pytest.mark.parametrize("levels", [None, 6], ids=["no-ties", "many-ties"])
@pytest.mark.parametrize("seed", range(5))
def test_metrics_equal_scikit_learns(seed, levels):
    rng = np.random.default_rng(seed)
    labels = rng.integers(2, size=90)
    p = np.clip(0.3 * labels + 0.7 * rng.random(90), 0, 1)
    if levels:
        p = np.floor(p * levels) / levels
    called = p >= 0.4
    false, true, _ = oracle.roc_curve(labels, p, drop_intermediate=False)
    expected = {
        "auc": oracle.roc_auc_score(labels, p),
        "auprc": oracle.average_precision_score(labels, p),
        "accuracy": oracle.accuracy_score(labels, called),
        "balanced_accuracy": oracle.balanced_accuracy_score(labels, called),
        "sensitivity": oracle.recall_score(labels, called),
        "specificity": oracle.recall_score(labels, called, pos_label=0),
        "precision": oracle.precision_score(labels, called),
        "f1": oracle.f1_score(labels, called),
        "mcc": oracle.matthews_corrcoef(labels, called),
        "sensitivity_at_95_specificity": true[1 - false >= 0.95 - 1e-9].max(),
        "specificity_at_95_sensitivity": 1 - false[true >= 0.95 - 1e-9].min(),
        "brier": oracle.brier_score_loss(labels, p),
    }
    found = classification_metrics(labels, p, 0.4)
    assert set(expected) == set(METRIC_NAMES)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name


def test_the_operating_points_allow_exactly_1_in_20():
    # 20 negatives: the second positive from the top lies below one of them, which is
    # still 95 % specificity; the third lies below two.
    p = np.linspace(1, 0, 23)
    labels = np.zeros(23, int)
    labels[[0, 2, 4]] = 1
    metrics = classification_metrics(labels, p, 0.5)
    assert metrics["sensitivity_at_95_specificity"] == pytest.approx(2 / 3)
    # Mirrored, 19 of 20 positives are found above the first of three negatives.
    metrics = classification_metrics(1 - labels, 1 - p, 0.5)
    assert metrics["specificity_at_95_sensitivity"] == pytest.approx(2 / 3)


def test_where_the_highest_is_a_negative_no_positive_is_found_at_95_specificity():
    metrics = classification_metrics([0, 1, 1], [0.9, 0.5, 0.4], 0.5)
    assert metrics["sensitivity_at_95_specificity"] == 0
    assert metrics["specificity_at_95_sensitivity"] == 0


def test_metrics_equal_those_counted_by_hand():
    labels = [1, 1, 1, 0, 0, 0, 0, 1]
    probabilities = [0.9, 0.8, 0.3, 0.7, 0.2, 0.1, 0.3, 0.5]
    metrics = classification_metrics(labels, probabilities, 0.5)
    assert [metrics[name] for name in ("tp", "fp", "tn", "fn")] == [3, 1, 3, 1]
    names = ("accuracy", "sensitivity", "specificity", "precision", "f1")
    expected = [6 / 8, 3 / 4, 3 / 4, 3 / 4, 6 / 8]
    assert [metrics[name] for name in names] == pytest.approx(expected)
    # Pairs won: 0.9 and 0.8 all 4 each, 0.5 three, 0.3 two and a tie.
    assert metrics["auc"] == pytest.approx((4 + 4 + 3 + 2.5) / 16)


def test_auc_equals_the_share_of_pairs_won():
    rng = np.random.default_rng(1)
    labels = rng.integers(2, size=60)
    scores = rng.integers(8, size=60).astype(float)  # many ties
    pairs = itertools.product(scores[labels == 1], scores[labels == 0])
    won = [1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs]
    assert area_under_roc(labels, scores) == pytest.approx(np.mean(won), abs=1e-12)


def test_a_probability_at_the_threshold_is_positive():
    metrics = classification_metrics([1, 0], [0.5, 0.25], 0.5)
    assert metrics["tp"] == 1
    assert metrics["tn"] == 1


@pytest.mark.parametrize(
    ("labels", "probabilities", "undefined"),
    [
        ([1, 1], [0.9, 0.1], {*BOTH_CLASSES, "specificity"}),
        ([0, 0], [0.9, 0.1], {*BOTH_CLASSES, "sensitivity"}),
        ([0, 0], [0.2, 0.1], {*BOTH_CLASSES, "sensitivity", "precision", "f1"}),
        ([1, 0], [0.2, 0.1], {"precision", "mcc"}),
        ([1, 1], [0.2, 0.1], {*BOTH_CLASSES, "specificity", "precision"}),
    ],
)
def test_a_zero_denominator_is_nan(labels, probabilities, undefined):
    metrics = classification_metrics(labels, probabilities, 0.5)
    assert {name for name in METRIC_NAMES if math.isnan(metrics[name])} == undefined


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="y_true 2, y_score 3"):
        classification_metrics([0, 1], [0.1, 0.2, 0.3], 0.5)
    with pytest.raises(ValueError, match="y_true 2, y_score 3"):
        area_under_roc([0, 1], [1, 2, 3])
