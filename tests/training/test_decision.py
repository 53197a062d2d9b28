"""The decision of a run: chosen on validation, and known to what is exported."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from keras_wa.errors import UserError
from keras_wa.evaluate.report.evaluate_run import evaluate_run
from keras_wa.metrics import (
    choose_threshold,
    fit_prediction_sets,
    fit_temperature,
)
from keras_wa.training.best import load_best
from keras_wa.training.data import load_data
from keras_wa.training.decision import (
    FILE,
    decide,
    read_decision,
    read_decision_file,
    write_decision,
)
from keras_wa.training.run import Run
from keras_wa.training.scoring import score


def test_threshold_and_temperature_are_those_of_validation(finished: Path) -> None:
    run = Run.open(finished)
    decision = read_decision(run)
    assert decision is not None
    data = load_data(run.config)
    val = score(load_best(run), data, "val")
    labels, p = val["label"], val["probability"]
    assert decision.threshold == choose_threshold(labels, p)
    assert decision.temperature == pytest.approx(fit_temperature(labels, p))
    assert decision.n_validation == len(val)


def test_the_prediction_sets_are_those_of_validation_and_are_read_back(
    finished: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = Run.open(finished)
    model, data = load_best(run), load_data(run.config)
    decision = decide(model, data, "sensitivity:0.9", coverage=0.8)
    val = score(model, data, "val")
    columns = val["label"], val["probability"]
    assert decision.prediction_sets == fit_prediction_sets(
        *columns, val["patient_id"], 0.8
    )
    assert decision.threshold == choose_threshold(*columns, "sensitivity:0.9")
    assert decision.rule == "sensitivity:0.9 on validation"
    assert decision.prediction_sets.caveat in caplog.text
    write_decision(dataclasses.replace(run, path=tmp_path), decision)
    assert read_decision_file(tmp_path / FILE) == decision
    record = json.loads((tmp_path / FILE).read_text())
    del record["prediction_sets"]
    (tmp_path / FILE).write_text(json.dumps(record))
    assert read_decision_file(tmp_path / FILE) == dataclasses.replace(
        decision, prediction_sets=None
    )


def test_the_grey_ranges_hold_99_of_100_training_rois(finished: Path) -> None:
    run = Run.open(finished)
    data = load_data(run.config)
    decision = decide(load_best(run), data)
    train = (data.cases["split"] == "train").to_numpy()
    means = data.raw[train].mean(axis=(1, 2))
    low, high = decision.grey["mean"]
    assert low == pytest.approx(np.quantile(means, 0.005))
    assert high == pytest.approx(np.quantile(means, 0.995))
    assert set(decision.grey) == {
        "mean",
        "standard_deviation",
        "maximum",
        "max_minus_median",
    }


def test_an_older_run_gets_its_decision_when_it_is_evaluated(
    finished: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished, tmp_path / "run")
    run = Run.open(tmp_path / "run")
    before = read_decision(run)
    (run.path / FILE).unlink()
    assert read_decision(run) is None
    evaluate_run(run, n_resamples=20)
    after = read_decision(run)
    assert before is not None
    assert after is not None
    assert after.threshold == pytest.approx(before.threshold, abs=1e-6)
    assert (
        dataclasses.replace(
            after, threshold=before.threshold, temperature=before.temperature
        )
        == before
    )


@pytest.mark.parametrize(
    "text",
    ["{", "[]", json.dumps({"threshold": 0.5}), json.dumps({"prediction_sets": [1]})],
)
def test_a_spoilt_file_is_named(finished: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    run = dataclasses.replace(Run.open(finished), path=tmp_path)
    with pytest.raises(UserError, match=r"decision\.json: "):
        read_decision(run)
