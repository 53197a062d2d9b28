from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from keras_wa.errors import UserError
from keras_wa.metrics.three_class import three_class_metrics
from tests.evaluate.tables import expanded


def table(seed, n=90):
    rng = np.random.default_rng(seed)
    classes = rng.integers(3, size=n)
    p = rng.dirichlet([1, 1, 1], n) + 0.4 * np.eye(3)[classes]
    p /= p.sum(axis=1, keepdims=True)
    return pd.DataFrame(p.astype(np.float32), columns=["p_0", "p_1", "p_2"]).assign(
        **{"class": classes, "patient_id": rng.integers(30, size=n)}
    )


def scores(rows):
    p = rows[["p_0", "p_1", "p_2"]].to_numpy(float)
    called, classes = p.argmax(axis=1), rows["class"]
    aucs = [metrics.roc_auc_score(classes == k, p[:, k]) for k in range(3)]
    return {
        "accuracy": metrics.accuracy_score(classes, called),
        "sensitivity": metrics.recall_score(classes, called, average=None),
        "auc": aucs,
        "macro_auc": np.mean(aucs),
    }


@pytest.mark.parametrize("seed", range(3))
def test_the_values_are_scikit_learns(seed):
    rows = table(seed)
    found, expected = three_class_metrics(rows, 20), scores(rows)
    called = rows[["p_0", "p_1", "p_2"]].to_numpy().argmax(axis=1)
    confusion = metrics.confusion_matrix(rows["class"], called)
    assert found["confusion"] == confusion.tolist()
    for name in ("accuracy", "macro_auc"):
        assert found[name]["value"] == pytest.approx(expected[name], abs=1e-12)
    for name in ("sensitivity", "auc"):
        values = [each["value"] for each in found[name]]
        assert values == pytest.approx(expected[name], abs=1e-12)


def test_the_macro_auc_is_that_of_scikit_learn_one_against_the_rest():
    rows = table(4)
    # scikit-learn wants sums of one to the last digit.
    p = rows[["p_0", "p_1", "p_2"]].to_numpy(float)
    p = p / p.sum(axis=1, keepdims=True)
    expected = metrics.roc_auc_score(rows["class"], p, multi_class="ovr")
    found = three_class_metrics(rows.assign(p_0=p[:, 0], p_1=p[:, 1], p_2=p[:, 2]), 20)
    assert found["macro_auc"]["value"] == pytest.approx(expected, abs=1e-12)


def test_the_intervals_are_percentiles_over_patients_drawn_by_a_loop():
    rows = table(5)
    found = three_class_metrics(rows, 60, seed=2)
    names = np.unique(rows["patient_id"])
    counts = np.random.default_rng(2).multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=60
    )
    slow = []
    for row in counts:
        times = row[np.searchsorted(names, rows["patient_id"])]
        slow.append(scores(rows.loc[np.repeat(rows.index, times)]))
    ends = expanded(len(names), 0.95)
    for name in ("accuracy", "macro_auc"):
        low, high = np.quantile([each[name] for each in slow], ends)
        assert found[name]["low"] == pytest.approx(low)
        assert found[name]["high"] == pytest.approx(high)
    for k in range(3):
        low, _ = np.quantile([each["sensitivity"][k] for each in slow], ends)
        assert found["sensitivity"][k]["low"] == pytest.approx(low)


def test_an_absent_class_has_no_sensitivity_and_the_macro_auc_is_undefined():
    rows = table(6)
    found = three_class_metrics(rows[rows["class"] != 1], 20)
    assert math.isnan(found["sensitivity"][1]["value"])
    assert math.isnan(found["macro_auc"]["value"])
    assert found["confusion"][1] == [0, 0, 0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"class": 3}, "must be 0, 1 or 2. Received: 3.0 in row 0"),
        ({"class": None}, "must be 0, 1 or 2. Received: nan in row 0"),
        ({"p_0": 0.9}, "must be a distribution"),
        ({"p_1": math.nan}, "must be a distribution"),
        ({"p_2": -0.1}, "must be a distribution"),
    ],
)
def test_what_is_no_distribution_or_no_class_is_the_users_mistake(change, told):
    with pytest.raises(UserError, match=told):
        three_class_metrics(table(7).assign(**change), 20)
