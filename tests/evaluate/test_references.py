from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from keras_wa.data import ReadOptions, load_cases
from keras_wa.evaluate.references import predict_from_columns, reference_lines
from tests.evaluate.tables import predictions, with_cases


def cases(seed):
    return with_cases(predictions(n=100, n_patients=30, seed=seed), seed)


def by_name(lines):
    return {each["name"]: each for each in lines}


@pytest.mark.shared_data
def test_the_references_on_the_official_test_part_are_those_of_the_case_lists(
    shared_data,
):
    table = load_cases(
        "cbis-ddsm",
        shared_data / "cbis-ddsm-csv",
        options=ReadOptions(require_files=False),
    ).cases
    test = table["split"] == "test"
    found = by_name(reference_lines(table[~test], table[test]))
    assert int(test.sum()) == 326
    assert found["majority class"]["accuracy"]["value"] == pytest.approx(
        0.604, abs=5e-4
    )
    for name, auc, low, high, accuracy in [
        ("type + distribution", 0.7414, 0.655, 0.814, 0.7055),
        ("BI-RADS assessment", 0.7536, 0.675, 0.822, 0.7270),
        ("type + distribution + assessment", 0.8266, 0.746, 0.889, 0.7822),
    ]:
        line = found[name]
        assert line["auc"]["value"] == pytest.approx(auc, abs=5e-5)
        assert line["accuracy"]["value"] == pytest.approx(accuracy, abs=5e-5)
        # The ends vary from seed to seed by a few thousandths.
        assert line["auc"]["low"] == pytest.approx(low, abs=0.01)
        assert line["auc"]["high"] == pytest.approx(high, abs=0.01)


def test_the_prediction_is_a_logistic_regression_on_indicators():
    learning, evaluated = cases(0), cases(1)
    found = predict_from_columns(learning, evaluated, ("morphology", "assessment"))

    def indicators(table):
        return np.c_[
            [table["morphology"] == word for word in ("PLEOMORPHIC", "ROUND")]
            + [table["assessment"] == number for number in (2, 5)]
        ].T

    model = LogisticRegression(C=0.5).fit(indicators(learning), learning["label"])
    expected = model.predict_proba(indicators(evaluated))[:, 1]
    assert found == pytest.approx(expected, abs=1e-4)
    line = by_name(reference_lines(learning, evaluated, 20))["BI-RADS assessment"]
    auc = roc_auc_score(evaluated["label"], evaluated["assessment"].astype(int))
    assert line["auc"]["value"] == pytest.approx(auc)
    assert line["auc"]["value"] > 0.6


def test_a_category_that_was_not_learnt_counts_for_nothing():
    learning, evaluated = cases(2), cases(3)
    unknown = evaluated.assign(morphology="NEW")
    found = predict_from_columns(learning, unknown, ("morphology",))
    assert np.ptp(found) == 0


def test_the_majority_class_is_that_of_the_learning_rois():
    learning, evaluated = cases(4), cases(5)
    for label in (0, 1):
        # Nine in ten of one class, whatever the evaluated part has most of.
        rows = np.r_[np.full(90, label), np.full(10, 1 - label)]
        lines = reference_lines(learning.assign(label=rows), evaluated, 20)
        line = by_name(lines)["majority class"]
        share = (evaluated["label"] == label).mean()
        assert line["accuracy"]["value"] == pytest.approx(share)
        assert line["accuracy"]["low"] < share < line["accuracy"]["high"]
        assert line["auc"]["value"] == 0.5
        assert ("malignant" if label else "benign") in line["how"]


def test_a_phantom_has_the_best_possible_auc_last():
    lines = reference_lines(cases(6), cases(7), 20, best_possible_auc=0.87)
    assert lines[-1]["name"] == "best possible"
    assert lines[-1]["auc"]["value"] == 0.87
    assert math.isnan(lines[-1]["auc"]["low"])
    assert lines[-1]["accuracy"] is None


@pytest.mark.parametrize(
    ("learning", "evaluated", "reason"),
    [
        ({"morphology": pd.NA}, {}, "the learning ROIs have no morphology"),
        ({}, {"distribution": None}, "the evaluated ROIs have no distribution"),
        ({"label": 1}, {}, "the learning ROIs are all of one class"),
    ],
)
def test_without_what_it_needs_a_reference_says_why(learning, evaluated, reason):
    lines = reference_lines(
        cases(8).assign(**learning), cases(9).assign(**evaluated), 20
    )
    line = by_name(lines)["type + distribution"]
    assert line["reason"] == reason
    assert line["auc"] is None
    assert line["accuracy"] is None
