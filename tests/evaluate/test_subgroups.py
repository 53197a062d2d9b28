from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from keras_wa.evaluate.subgroups import SUBGROUP_COLUMNS, subgroup_metrics
from keras_wa.metrics.bootstrap import cluster_bootstrap
from tests.evaluate.tables import predictions, with_cases


def of(records, column):
    return {each["value"]: each for each in records if each["column"] == column}


def test_each_value_is_scored_by_itself_and_all_are_there():
    table = with_cases(predictions(n=120, n_patients=40))
    records = subgroup_metrics(table, 0.5, 60, 4)
    for column in SUBGROUP_COLUMNS:
        found = of(records, column)
        assert sum(each["n"] for each in found.values()) == 120
        for value, each in found.items():
            rois = table[table[column].astype(object).fillna("NA").astype(str) == value]
            assert each["n"] == len(rois)
            assert each["n_positive"] == rois["label"].sum()
            assert each["n_patients"] == rois["patient_id"].nunique()
    rois = table[table["view"] == "CC"]
    cc = of(records, "view")["CC"]
    expected = metrics.roc_auc_score(rois["label"], rois["probability"])
    assert cc["auc"]["value"] == pytest.approx(expected)
    called = rois["probability"] >= 0.5
    sensitivity = metrics.recall_score(rois["label"], called)
    assert cc["sensitivity"]["value"] == pytest.approx(sensitivity)
    interval = cluster_bootstrap(
        rois["label"], rois["probability"], rois["patient_id"], 0.5, 60, 4
    )["specificity"]
    assert (cc["specificity"]["low"], cc["specificity"]["high"]) == (
        interval.low,
        interval.high,
    )
    assert cc["reason"] == ""


def test_composite_and_missing_values_are_subgroups_in_a_readable_order():
    table = predictions(n=8, n_patients=8).assign(
        morphology=["B-A", "A", None, "B", "A", "B-A", None, "B"],
        density=[10.0, 9.0, np.nan, 1.0] * 2,
    )
    records = subgroup_metrics(table, 0.5, 5)
    assert list(of(records, "morphology")) == ["A", "B", "B-A", "NA"]
    assert list(of(records, "density")) == ["1", "9", "10", "NA"]


def test_a_value_of_one_class_has_no_auc_and_says_why():
    table = predictions().assign(view=lambda t: np.where(t["label"] == 1, "MLO", "CC"))
    found = of(subgroup_metrics(table, 0.5, 20), "view")
    assert found["MLO"]["reason"] == "all ROIs are malignant, so there is no AUC"
    assert found["CC"]["reason"] == "all ROIs are benign, so there is no AUC"
    assert math.isnan(found["CC"]["auc"]["value"])
    assert math.isnan(found["CC"]["sensitivity"]["value"])
    assert not math.isnan(found["CC"]["specificity"]["low"])


def test_few_patients_are_flagged_and_one_has_no_interval():
    table = pd.DataFrame(
        {
            "patient_id": ["a", "a", *"bcdefghijk"],
            "label": [0, 1] * 6,
            "probability": np.linspace(0, 1, 12),
            "view": ["CC"] * 2 + ["MLO"] * 10,
            "density": [1] * 3 + [2] * 9,
        }
    )
    records = subgroup_metrics(table, 0.5, 20)
    views, densities = of(records, "view"), of(records, "density")
    assert views["CC"]["few_patients"]
    assert views["CC"]["reason"] == "there is one patient, so there are no intervals"
    assert math.isnan(views["CC"]["auc"]["low"])
    assert views["CC"]["auc"]["value"] == 1
    assert not views["MLO"]["few_patients"]
    assert densities["2"]["n_patients"] == 9
    assert densities["2"]["few_patients"]
    assert densities["2"]["reason"] == ""


def test_columns_that_are_absent_or_hold_nothing_are_left_out():
    table = predictions().assign(view="CC", density=pd.NA)
    assert {each["column"] for each in subgroup_metrics(table, 0.5, 5)} == {"view"}
