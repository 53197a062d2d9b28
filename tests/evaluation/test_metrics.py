from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from keras_wa.evaluation.metrics import (
    METRIC_NAMES,
    area_under_roc,
    classification_metrics,
)


def test_metrics_equal_those_counted_by_hand():
    labels = [1, 1, 1, 0, 0, 0, 0, 1]
    probabilities = [0.9, 0.8, 0.3, 0.7, 0.2, 0.1, 0.3, 0.5]
    metrics = classification_metrics(labels, probabilities, 0.5)
    assert {name: metrics[name] for name in ("tp", "fp", "tn", "fn")} == {
        "tp": 3,
        "fp": 1,
        "tn": 3,
        "fn": 1,
    }
    assert metrics["accuracy"] == pytest.approx(6 / 8)
    assert metrics["sensitivity"] == pytest.approx(3 / 4)
    assert metrics["specificity"] == pytest.approx(3 / 4)
    assert metrics["precision"] == pytest.approx(3 / 4)
    assert metrics["f1"] == pytest.approx(6 / 8)
    # Pairs won: 0.9 and 0.8 all 4 each, 0.5 three, 0.3 two and a tie.
    assert metrics["auc"] == pytest.approx((4 + 4 + 3 + 2.5) / 16)


def test_rates_that_differ_are_not_swapped():
    metrics = classification_metrics([1, 0, 0, 0, 1], [0.9, 0.9, 0.9, 0.1, 0.9], 0.5)
    assert metrics["sensitivity"] == pytest.approx(1)
    assert metrics["specificity"] == pytest.approx(1 / 3)
    assert metrics["precision"] == pytest.approx(1 / 2)


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
        ([1, 1], [0.9, 0.1], {"auc", "specificity"}),
        ([0, 0], [0.9, 0.1], {"auc", "sensitivity"}),
        ([0, 0], [0.2, 0.1], {"auc", "sensitivity", "precision", "f1"}),
        ([1, 0], [0.2, 0.1], {"precision"}),
        ([1, 1], [0.2, 0.1], {"auc", "specificity", "precision"}),
    ],
)
def test_a_zero_denominator_is_nan(labels, probabilities, undefined):
    metrics = classification_metrics(labels, probabilities, 0.5)
    assert {name for name in METRIC_NAMES if math.isnan(metrics[name])} == undefined


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="labels 2, probabilities 3"):
        classification_metrics([0, 1], [0.1, 0.2, 0.3], 0.5)
    with pytest.raises(ValueError, match="labels 2, scores 3"):
        area_under_roc([0, 1], [1, 2, 3])
