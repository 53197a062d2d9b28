from __future__ import annotations

import copy
import json
import math
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest

from keras_wa.data.columns import as_categories
from keras_wa.errors import UserError
from keras_wa.evaluate.levels import aggregate
from keras_wa.evaluate.results import evaluate_predictions
from keras_wa.evaluate.text import format_metrics
from keras_wa.metrics.bootstrap import cluster_bootstrap
from keras_wa.metrics.calibration import (
    apply_temperature,
    brier_score,
    expected_calibration_error,
    fit_temperature,
)
from keras_wa.metrics.decision_curve import decision_curve
from keras_wa.metrics.delong import auc
from keras_wa.metrics.prediction_sets import PredictionSets
from tests.evaluate.tables import predictions, with_cases

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "metrics.schema.json").read_text()
)


def three_class(table, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([1, 1, 1], len(table))
    return table.assign(
        **{"class": rng.integers(3, size=len(table))},
        **{f"p_{k}": p[:, k] for k in range(3)},
    )


SETS = PredictionSets(0.9, 0.6, 0.4, 60, 9)


@pytest.fixture(scope="module")
def full():
    """The results of everything that can be given, with what they are of."""
    table = three_class(with_cases(predictions()))
    val, learning = predictions(seed=1), with_cases(predictions(seed=2), seed=2)
    results = evaluate_predictions(
        table,
        0.5,
        "youden on validation",
        60,
        3,
        val_predictions=val,
        prediction_sets=SETS,
        learning_cases=learning,
        best_possible_auc=0.9,
    )
    return results, table, val


def test_results_state_the_data_the_threshold_and_the_intervals(full):
    results, table, _ = full
    assert results["n_rois"] == sum(results["counts"].values()) == 60
    assert results["n_patients"] == table["patient_id"].nunique()
    assert results["prevalence"] == table["label"].mean()
    assert results["threshold"] == {
        "value": 0.5,
        "rule": "youden on validation",
        "positive_if": "probability >= threshold",
    }
    bootstrap = results["bootstrap"]
    assert bootstrap["kind"] == "patient-cluster expanded percentile"
    assert (bootstrap["n_resamples"], bootstrap["seed"]) == (60, 3)
    assert results["confidence"] == 0.95
    called = table["probability"] >= 0.5
    assert results["counts"]["tp"] == int((called & table["label"]).sum())
    columns = (table["label"], table["probability"], table["patient_id"])
    expected = cluster_bootstrap(*columns, 0.5, 60, 3)
    records = {name: each.to_record() for name, each in expected.items()}
    assert results["metrics"] == records
    assert results["auc_delong"].items() >= auc(*columns).to_record().items()


def test_the_coverage_of_the_prediction_sets_is_that_of_each_density(full):
    results, table, _ = full
    found = results["prediction_sets"]
    assert (found["coverage"], found["benign_up_to"]) == (0.9, 0.6)
    assert "9 a malignant one; at least 10 of each are needed" in found["caveat"]
    names = [each["group"] for each in found["measured"]]
    assert names[0] == "all"
    assert set(names[1:]) == {f"density {v}" for v in as_categories(table["density"])}
    assert sum(each["n"] for each in found["measured"][1:]) == len(table)
    for each in found["measured"]:
        density = each["group"].removeprefix("density ")
        rois = table
        if each["group"] != "all":
            rois = table[as_categories(table["density"]) == density]
        of = rois[rois["label"] == 1]
        hits = (of["probability"] >= 0.4).groupby(of["patient_id"]).mean()
        assert each["malignant"]["value"] == pytest.approx(hits.mean())
        both = rois["probability"].between(0.4, 0.6)
        assert each["indeterminate"]["value"] == pytest.approx(both.mean())
    assert "Prediction sets of 90%: coverage of benign " in format_metrics(results)


def test_everything_that_can_be_found_is_in_the_schema(full):
    results, _, _ = full
    jsonschema.validate(results, SCHEMA)
    assert results["three_class"] is not None
    assert len(results["references"]) == 5
    assert results["references"][-1]["auc"]["value"] == 0.9
    columns = {each["column"] for each in results["subgroups"]}
    assert columns == set(SCHEMA["$defs"]["subgroup"]["properties"]["column"]["enum"])


@pytest.mark.parametrize(
    "table",
    [
        predictions(),
        predictions().assign(label=1),
        predictions(n=4, n_patients=1),
        three_class(predictions()).assign(**{"class": 2}),
        with_cases(predictions()).assign(breast=pd.NA, morphology=pd.NA),
    ],
    ids=["bare", "one-class", "one-patient", "one-of-three-classes", "missing"],
)
def test_what_is_undefined_or_not_given_is_in_the_schema_too(table):
    results = evaluate_predictions(table, 0.5, "given", 20, val_predictions=table)
    assert list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(results)) == []


def test_the_schema_refuses_what_is_not_in_it(full):
    results, _, _ = full
    for path, value in [
        (("format",), 1),
        (("extra",), 1),
        (("metrics", "auc", "low"), 1.5),
        (("metrics", "gain"), {"value": 1, "low": 0, "high": 1}),
        (("counts", "tp"), -1),
        (("levels", "roi"), {"left_out": ""}),
        (("levels", "vessel"), {"left_out": "why"}),
        (("calibration", "temperature"), 0),
        (("pooling",), "median"),
    ]:
        broken = copy.deepcopy(results)
        inner = broken
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = value
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, SCHEMA)


def test_each_level_is_scored_by_patient_at_the_same_threshold(full):
    results, table, _ = full
    for name in ("roi", "image", "breast", "patient"):
        units = aggregate(table, name).table
        level = results["levels"][name]
        expected = cluster_bootstrap(
            units["label"], units["probability"], units["patient_id"], 0.5, 60, 3
        )
        for metric, interval in expected.items():
            assert level["metrics"][metric]["value"] == interval.value
            assert level["metrics"][metric]["high"] == interval.high
        assert level["n"] == len(units)
        assert level["n_positive"] == units["label"].sum()
    assert results["levels"]["roi"]["metrics"] == results["metrics"]
    bare = evaluate_predictions(predictions(), 0.5, "given", 20)["levels"]
    assert bare["image"] == {"left_out": "the table has no column 'breast'"}
    assert bare["patient"]["n"] == 19


def test_the_temperature_is_fitted_on_validation_alone(full):
    results, table, val = full
    found = results["calibration"]
    temperature = fit_temperature(val["label"], val["probability"])
    assert found["temperature"] == temperature
    scaled = apply_temperature(table["probability"], temperature)
    for name, p in [
        ("as_predicted", table["probability"]),
        ("temperature_scaled", scaled),
    ]:
        assert found[name]["brier"] == brier_score(table["label"], p)
        ece = expected_calibration_error(table["label"], p)
        assert found[name]["ece_equal_mass"] == ece
        curve = decision_curve(table["label"], p)["model"].tolist()
        assert results["decision_curve"][name] == curve
    without = evaluate_predictions(table, 0.5, "given", 20)
    assert without["calibration"]["temperature"] is None
    assert "no predictions of the validation part" in without["calibration"]["reason"]
    one_class = evaluate_predictions(
        table, 0.5, "given", 20, val_predictions=val.assign(label=0)
    )
    assert "one class" in one_class["calibration"]["reason"]


def test_the_results_do_not_depend_on_the_order_of_the_rows(full):
    results, table, val = full
    learning = with_cases(predictions(seed=2), seed=2)
    turned = evaluate_predictions(
        table[::-1],
        0.5,
        "youden on validation",
        60,
        3,
        val_predictions=val[::-1],
        learning_cases=learning,
        best_possible_auc=0.9,
    )
    for name in ("metrics", "levels", "subgroups", "decision_curve", "references"):
        assert turned[name] == results[name], name


def test_few_patients_few_resamples_and_chosen_here_are_warned_of():
    few = predictions(n_patients=9)
    found = evaluate_predictions(few, 0.5, "given", 50, val_predictions=few)
    texts = " ".join(found["warnings"])
    assert "These ROIs are of 9 patients only" in texts
    assert "50 resamples; 2000 are recommended" in texts
    assert "chosen on these ROIs" in texts
    enough = predictions(n_patients=10, n=80)
    found = evaluate_predictions(
        enough, 0.5, "given", val_predictions=predictions(seed=4)
    )
    assert found["warnings"] == []


@pytest.mark.parametrize("value", [math.nan, math.inf, None])
def test_a_probability_that_is_no_number_is_refused_with_the_roi(value):
    table = predictions().astype({"probability": "float64"})
    table.loc[5, "probability"] = value
    with pytest.raises(
        UserError, match=r"probability of ROI 'roi-0-5' is not a number"
    ):
        evaluate_predictions(table, 0.5, "fixed")


def test_missing_columns_and_repeated_rois_are_named():
    table = predictions()
    for column in ("roi_id", "patient_id", "label", "probability"):
        with pytest.raises(ValueError, match=f"without {column}"):
            evaluate_predictions(table.drop(columns=column), 0.5, "fixed")
    table.loc[5, "roi_id"] = "roi-0-2"
    with pytest.raises(ValueError, match="'roi-0-2' more than once"):
        evaluate_predictions(table, 0.5, "fixed")
