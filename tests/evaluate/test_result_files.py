from __future__ import annotations

import json
import os

import numpy as np
import pandas as pd
import pytest

from keras_wa.evaluate.result_files import write_results
from keras_wa.evaluate.results import evaluate_predictions
from keras_wa.files import without_nan
from tests.evaluate.tables import predictions, with_cases


def strict_json(path):
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def test_what_is_undefined_is_null_in_strict_json(tmp_path):
    table = predictions().assign(label=1)
    results = evaluate_predictions(table, 0.5, "fixed", 50)
    results["notes"] = [{"best_possible_auc": float("nan")}, float("inf")]
    write_results(tmp_path, results, table)
    read = strict_json(tmp_path / "metrics.json")
    assert read == without_nan(results)
    assert read["metrics"]["auc"] == {"value": None, "low": None, "high": None}
    assert read["notes"] == [{"best_possible_auc": None}, None]
    assert read["bootstrap"]["n_dropped"]["auc"] == 50
    # Breast, view and lesion are empty where they are not known.
    written = pd.read_csv(tmp_path / "predictions.csv")
    assert written[["breast", "view", "lesion", "image"]].isna().all(axis=None)


def test_predictions_csv_round_trips(tmp_path):
    table = with_cases(predictions()).assign(extra="not written")
    table.loc[3, "view"] = None
    threshold = float(table["probability"].iloc[7])
    results = evaluate_predictions(table, threshold, "fixed", 20)
    write_results(tmp_path, results, table)
    read = pd.read_csv(
        tmp_path / "predictions.csv",
        dtype={"roi_id": str, "patient_id": str},
        converters={"probability": float},
    )
    place = "roi_id patient_id breast view lesion image"
    assert list(read.columns) == f"{place} label probability prediction".split()
    assert read["patient_id"].tolist() == table["patient_id"].tolist()
    exact = table["probability"].astype(np.float64).tolist()
    assert read["probability"].tolist() == exact
    assert read["prediction"].tolist() == [int(p >= threshold) for p in exact]
    assert read["prediction"].iloc[7] == 1
    first = table.iloc[0]
    image = f"{first['patient_id']}_{first['breast']}_{first['view']}"
    assert read["image"].iloc[0] == image
    assert read["image"].isna().tolist() == [i == 3 for i in range(60)]
    again = evaluate_predictions(read, threshold, "fixed", 20)
    assert again["levels"] == results["levels"]
    assert again["calibration"] == results["calibration"]


def test_three_classes_are_written_too(tmp_path):
    p = np.random.default_rng(0).dirichlet([1, 1, 1], 60)
    table = predictions().assign(
        **{"class": 2, "p_0": p[:, 0], "p_1": p[:, 1], "p_2": p[:, 2]}
    )
    write_results(tmp_path, evaluate_predictions(table, 0.5, "fixed", 20), table)
    exact = dict.fromkeys(["p_0", "p_1", "p_2"], float)
    read = pd.read_csv(tmp_path / "predictions.csv", converters=exact)
    assert read[["p_0", "p_1", "p_2"]].to_numpy().tolist() == p.tolist()
    assert (read["class"] == 2).all()


def test_the_same_results_give_the_same_bytes_and_a_failed_write_keeps_them(
    tmp_path, monkeypatch
):
    table = predictions()
    results = evaluate_predictions(table, 0.5, "fixed", 20)
    for _ in range(2):
        write_results(tmp_path / "new" / "again", results, table)
        write_results(tmp_path / "new", results, table)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    assert sorted(path.name for path in files) == sorted(
        2 * ["metrics.json", "predictions.csv"]
    )
    assert len(set(before.values())) == 2
    assert not any(b"\r" in content for content in before.values())

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_results(tmp_path / "new", results | {"notes": ["other"]}, table)
    with pytest.raises(ValueError, match="without label"):
        write_results(tmp_path / "new", results, table.drop(columns="label"))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path: path.read_bytes() for path in files} == before
