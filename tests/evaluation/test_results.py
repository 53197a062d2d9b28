from __future__ import annotations

import json
import os

import numpy as np
import pandas as pd
import pytest

from keras_wa.evaluation.bootstrap import cluster_bootstrap
from keras_wa.evaluation.metrics import METRIC_NAMES
from keras_wa.evaluation.results import (
    evaluate_predictions,
    format_metrics,
    write_results,
)


def table(n=60, n_patients=20, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(2, size=n)
    probabilities = np.clip(0.3 * labels + 0.7 * rng.random(n), 0, 1)
    return pd.DataFrame(
        {
            "roi_id": [f"roi-{i}" for i in range(n)],
            "patient_id": [f"{i:03d}" for i in rng.integers(n_patients, size=n)],
            "label": labels,
            "probability": probabilities.astype(np.float32),
        }
    )


def strict_json(path):
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def test_results_state_the_data_the_threshold_and_the_intervals():
    predictions = table()
    results = evaluate_predictions(predictions, 0.5, "youden on validation", 200, 3)
    assert results["n_rois"] == 60
    assert results["n_patients"] == predictions["patient_id"].nunique()
    assert results["prevalence"] == predictions["label"].mean()
    assert results["threshold"] == {
        "value": 0.5,
        "rule": "youden on validation",
        "positive_if": "probability >= threshold",
    }
    assert results["bootstrap"]["kind"] == "patient-cluster percentile"
    assert results["bootstrap"]["n_resamples"] == 200
    assert results["bootstrap"]["seed"] == 3
    assert results["confidence"] == 0.95
    assert sum(results["counts"].values()) == 60
    called = predictions["probability"] >= 0.5
    assert results["counts"]["tp"] == int((called & predictions["label"]).sum())
    expected = cluster_bootstrap(
        predictions["label"],
        predictions["probability"],
        predictions["patient_id"],
        0.5,
        200,
        3,
    )
    assert list(results["metrics"]) == list(METRIC_NAMES)
    for name, metric in results["metrics"].items():
        assert metric == {
            "value": expected[name].value,
            "low": expected[name].low,
            "high": expected[name].high,
        }


def test_what_is_undefined_is_null_in_strict_json(tmp_path):
    predictions = table().assign(label=1)
    results = evaluate_predictions(predictions, 0.5, "fixed", 50)
    assert results["metrics"]["auc"] == {"value": None, "low": None, "high": None}
    results["notes"] = [{"best_possible_auc": float("nan")}, float("inf")]
    write_results(tmp_path, results, predictions)
    read = strict_json(tmp_path / "metrics.json")
    assert read["metrics"]["auc"] == {"value": None, "low": None, "high": None}
    assert read["notes"] == [{"best_possible_auc": None}, None]
    assert read["bootstrap"]["n_dropped"]["auc"] == 50


def test_metrics_json_holds_the_results(tmp_path):
    predictions = table()
    results = evaluate_predictions(predictions, 0.4, "fixed", 50)
    write_results(tmp_path / "evaluation" / "test", results, predictions)
    assert strict_json(tmp_path / "evaluation" / "test" / "metrics.json") == results


def test_predictions_csv_round_trips(tmp_path):
    predictions = table().assign(extra="not written")
    threshold = float(predictions["probability"].iloc[7])
    results = evaluate_predictions(predictions, threshold, "fixed", 50)
    write_results(tmp_path, results, predictions)
    read = pd.read_csv(
        tmp_path / "predictions.csv",
        dtype={"roi_id": str, "patient_id": str},
        converters={"probability": float},
    )
    assert list(read.columns) == [
        "roi_id",
        "patient_id",
        "label",
        "probability",
        "prediction",
    ]
    assert read["patient_id"].tolist() == predictions["patient_id"].tolist()
    exact = predictions["probability"].astype(np.float64).tolist()
    assert read["probability"].tolist() == exact
    assert read["prediction"].tolist() == [int(p >= threshold) for p in exact]
    assert read["prediction"].iloc[7] == 1
    assert evaluate_predictions(read, threshold, "fixed", 50) == results


def test_the_same_results_give_the_same_bytes(tmp_path):
    predictions = table()
    results = evaluate_predictions(predictions, 0.5, "fixed", 50)
    for name in ("a", "b"):
        write_results(tmp_path / name, results, predictions)
    for name in ("metrics.json", "predictions.csv"):
        first = (tmp_path / "a" / name).read_bytes()
        assert first == (tmp_path / "b" / name).read_bytes()
        assert b"\r" not in first


def test_a_failed_write_keeps_the_old_files_and_leaves_no_rest(tmp_path, monkeypatch):
    predictions = table()
    results = evaluate_predictions(predictions, 0.5, "fixed", 50)
    write_results(tmp_path, results, predictions)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(before) == {"metrics.json", "predictions.csv"}

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    changed = evaluate_predictions(predictions, 0.1, "fixed", 50)
    with pytest.raises(OSError, match="No space left"):
        write_results(tmp_path, changed, predictions)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("column", ["roi_id", "patient_id", "label", "probability"])
def test_a_missing_column_is_named(column, tmp_path):
    predictions = table()
    results = evaluate_predictions(predictions, 0.5, "fixed", 10)
    without = predictions.drop(columns=column)
    with pytest.raises(ValueError, match=f"without {column}"):
        evaluate_predictions(without, 0.5, "fixed")
    with pytest.raises(ValueError, match=f"without {column}"):
        write_results(tmp_path, results, without)


def test_a_repeated_roi_is_named():
    predictions = table()
    predictions.loc[5, "roi_id"] = "roi-2"
    with pytest.raises(ValueError, match="'roi-2' more than once"):
        evaluate_predictions(predictions, 0.5, "fixed")


def test_the_text_has_one_line_a_metric():
    results = evaluate_predictions(table(), 0.5, "youden on validation", 50)
    results["metrics"]["auc"] = {"value": 0.7412, "low": 0.6549, "high": 0.8143}
    lines = format_metrics(results).splitlines()
    assert len(lines) == len(METRIC_NAMES) + 2
    assert lines[0].startswith("60 ROIs of 19 patients, 56.7% positive; ")
    assert lines[0].endswith("called positive at p >= 0.5 (youden on validation)")
    assert lines[1].split() == ["AUC", "0.741", "[0.655,", "0.814]"]
    assert [line.split()[0] for line in lines[1:-1]] == [
        "AUC",
        "Accuracy",
        "Sensitivity",
        "Specificity",
        "Precision",
        "F1",
    ]
    assert len({line.index("[") for line in lines[1:-1]}) == 1
    assert "95% interval, patient-cluster percentile bootstrap, 50" in lines[-1]


def test_the_text_says_what_is_undefined_and_how_often():
    results = evaluate_predictions(table().assign(label=0), 0.5, "fixed", 50)
    auc = format_metrics(results).splitlines()[1]
    assert auc.split()[:4] == ["AUC", "n/a", "[n/a,", "n/a]"]
    assert auc.endswith("undefined in 50 of 50 resamples")
