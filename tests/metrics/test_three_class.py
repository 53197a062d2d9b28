from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics

from keras_wa.metrics.three_class import three_class_metrics
from tests.evaluate.tables import expanded


def data(seed, n=90):
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    p = rng.dirichlet([1, 1, 1], n) + 0.4 * np.eye(3)[y]
    p = (p / p.sum(axis=1, keepdims=True)).astype(np.float32).astype(float)
    return y, p, rng.integers(30, size=n)


def scores(y, p):
    aucs = [metrics.roc_auc_score(y == k, p[:, k]) for k in range(3)]
    return {
        "accuracy": metrics.accuracy_score(y, p.argmax(axis=1)),
        "sensitivity": metrics.recall_score(y, p.argmax(axis=1), average=None),
        "auc": aucs,
        "macro_auc": np.mean(aucs),
    }


@pytest.mark.parametrize("seed", range(3))
def test_the_values_are_scikit_learns(seed):
    y, p, patients = data(seed)
    found, expected = three_class_metrics(y, p, patients, 20), scores(y, p)
    confusion = metrics.confusion_matrix(y, p.argmax(axis=1))
    assert found["confusion"] == confusion.tolist()
    for name in ("accuracy", "macro_auc"):
        assert found[name].value == pytest.approx(expected[name], abs=1e-12)
    for name in ("sensitivity", "auc"):
        values = [each.value for each in found[name]]
        assert values == pytest.approx(expected[name], abs=1e-12)


def test_the_macro_auc_is_that_of_scikit_learn_one_against_the_rest():
    y, p, patients = data(4)
    # scikit-learn wants sums of one to the last digit.
    p = p / p.sum(axis=1, keepdims=True)
    expected = metrics.roc_auc_score(y, p, multi_class="ovr")
    found = three_class_metrics(y, p, patients, 20)
    assert found["macro_auc"].value == pytest.approx(expected, abs=1e-12)


def test_the_intervals_are_percentiles_over_patients_drawn_by_a_loop():
    y, p, patients = data(5)
    found = three_class_metrics(y, p, patients, 60, seed=2)
    names = np.unique(patients)
    counts = np.random.default_rng(2).multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=60
    )
    slow = []
    for row in counts:
        rows = np.repeat(np.arange(90), row[np.searchsorted(names, patients)])
        slow.append(scores(y[rows], p[rows]))
    ends = expanded(len(names), 0.95)
    for name in ("accuracy", "macro_auc"):
        low, high = np.quantile([each[name] for each in slow], ends)
        assert (found[name].low, found[name].high) == pytest.approx((low, high))
    for k in range(3):
        low, _ = np.quantile([each["sensitivity"][k] for each in slow], ends)
        assert found["sensitivity"][k].low == pytest.approx(low)


def test_an_absent_class_has_no_sensitivity_and_the_macro_auc_is_undefined():
    y, p, patients = (each[data(6)[0] != 1] for each in data(6))
    found = three_class_metrics(y, p, patients, 20)
    assert math.isnan(found["sensitivity"][1].value)
    assert math.isnan(found["macro_auc"].value)
    assert found["confusion"][1] == [0, 0, 0]


@pytest.mark.parametrize(
    ("y_true", "first", "told"),
    [
        (3, [1, 0, 0], "y_true must be 0, 1 or 2. Received: 3.0 at index 0"),
        (math.nan, [1, 0, 0], "y_true must be 0, 1 or 2. Received: nan at index 0"),
        (2, [0.9, 0.9, 0], "sum to 1 in each row. Received: .* at index 0"),
        (2, [0.5, math.nan, 0.5], "sum to 1 in each row"),
        (2, [-0.1, 0.6, 0.5], "sum to 1 in each row"),
        (2, [0.5, 0.5], r"shape \(n, 3\). Received: \(2, 2\)"),
    ],
)
def test_what_is_no_distribution_or_no_class_is_refused(y_true, first, told):
    with pytest.raises(ValueError, match=told):
        three_class_metrics([y_true, 1], [first, [0.0, 1.0, 0.0][: len(first)]], [1, 2])


def test_the_lengths_must_be_equal():
    y, p, patients = data(7)
    with pytest.raises(ValueError, match="y_true 90, y_score 90, groups 89"):
        three_class_metrics(y, p, patients[1:], 20)
