"""`keras-wa evaluate`: the numbers are those of its own predictions."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from keras_wa.cli import main
from keras_wa.data import split_hash
from keras_wa.metrics import fit_temperature
from keras_wa.metrics.baselines import single_feature_statistics
from keras_wa.training.data import load_data
from keras_wa.training.run import Run
from tests.cli.failing import ErrorOf
from tests.evaluate.pages.html import assert_loads_nothing, cells_of, parse

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "metrics.schema.json").read_text()
)


Evaluated = tuple[Path, dict[str, str]]


@pytest.fixture(scope="module")
def evaluated(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    """A run that was evaluated on validation and on test, and what was said."""
    path = tmp_path_factory.mktemp("evaluated") / "run"
    shutil.copytree(finished, path)
    capture = pytest.MonkeyPatch()
    said: dict[str, str] = {}
    for split in ("val", "test"):
        lines: list[str] = []
        capture.setattr("keras_wa.cli.evaluate.say", lines.append)
        capture.setattr("keras_wa.cli.evaluate.warn", lines.extend)
        words = ["--split", split] if split == "val" else []
        assert main(["evaluate", str(path), *words, "--resamples", "200"]) == 0
        said[split] = "\n".join(lines)
    capture.undo()
    return path, said


def _results(path: Path, split: str) -> tuple[dict[str, Any], pd.DataFrame]:
    folder = path / "evaluation" / split
    record = json.loads((folder / "metrics.json").read_text())
    return record, pd.read_csv(folder / "predictions.csv")


@pytest.mark.parametrize("split", ["val", "test"])
def test_the_metrics_are_scikit_learns_and_the_record_is_in_the_schema(
    evaluated: Evaluated, split: str
) -> None:
    record, table = _results(evaluated[0], split)
    labels, p = table["label"], table["probability"]
    calls = (p >= record["threshold"]["value"]).astype(int)
    assert list(table["prediction"]) == list(calls)
    expected = {
        "auc": metrics.roc_auc_score(labels, p),
        "accuracy": metrics.accuracy_score(labels, calls),
        "sensitivity": metrics.recall_score(labels, calls),
        "specificity": metrics.recall_score(labels, calls, pos_label=0),
        "precision": metrics.precision_score(labels, calls),
        "f1": metrics.f1_score(labels, calls),
    }
    assert set(expected) < set(record["metrics"])
    for name, value in expected.items():
        metric = record["metrics"][name]
        assert metric["value"] == pytest.approx(value, abs=1e-9), name
        assert metric["low"] <= metric["value"] <= metric["high"], name
    assert record["counts"]["tp"] + record["counts"]["fn"] == labels.sum()
    jsonschema.validate(record, SCHEMA)
    assert {each["column"] for each in record["subgroups"]} >= {"density", "view"}
    assert "left_out" not in record["levels"]["image"]


@pytest.mark.parametrize("split", ["val", "test"])
def test_the_predictions_are_those_of_the_part_that_was_asked_for(
    evaluated: Evaluated, split: str
) -> None:
    record, table = _results(evaluated[0], split)
    cases = load_data(Run.open(evaluated[0]).config).cases_of(split)
    assert list(table["roi_id"]) == list(cases["roi_id"])
    assert list(table["patient_id"]) == list(cases["patient_id"])
    assert list(table["label"]) == list(cases["label"])
    assert record["split"] == split
    assert record["n_rois"] == len(cases)
    assert record["n_patients"] == cases["patient_id"].nunique()


def test_the_threshold_is_the_best_on_validation_and_the_same_on_test(
    evaluated: Evaluated,
) -> None:
    (val, table), (test, _) = (_results(evaluated[0], s) for s in ("val", "test"))
    assert val["threshold"] == test["threshold"]
    assert "keep the run's own" not in "".join(evaluated[1].values())
    assert test["threshold"]["rule"] == "youden on validation"
    false, true, _ = metrics.roc_curve(table["label"], table["probability"])
    reached = (
        val["metrics"]["sensitivity"]["value"] + val["metrics"]["specificity"]["value"]
    )
    assert reached - 1 == pytest.approx(np.max(true - false))


def test_split_and_notes_stand_beside_the_numbers(evaluated: Evaluated) -> None:
    path, said = evaluated
    record, _ = _results(path, "test")
    split = pd.read_csv(path / "split.csv", dtype=str)
    assert record["split_hash"] == split_hash(split)
    assert f"hash {split_hash(split)}" in said["test"]
    (note,) = record["notes"]
    assert "This is a phantom" in note
    assert "best possible AUC on it is 1.000" in note
    assert note in said["test"]
    assert (record["dataset"], record["model"]) == ("phantom", "tiny")


def test_one_number_of_the_pixels_is_reported_beside_the_network(
    evaluated: Evaluated,
) -> None:
    path, said = evaluated
    record, table = _results(path, "test")
    data = load_data(Run.open(path).config)
    rows = np.flatnonzero(data.cases["split"] == "test")
    statistics = single_feature_statistics(data.raw[rows])
    aucs = record["one_number_auc"]
    assert set(aucs) == set(statistics)
    for name, values in statistics.items():
        auc = metrics.roc_auc_score(table["label"], values)
        # Its direction is that of the training part.
        assert aucs[str(name)]["value"] in (pytest.approx(auc), pytest.approx(1 - auc))
    best = max(aucs, key=lambda name: aucs[name]["value"])
    expected = f"single-feature baseline ({best}): AUC {aucs[best]['value']:.3f}"
    assert expected in said["test"]


def test_the_references_learn_from_no_test_roi_and_the_phantom_has_a_best(
    evaluated: Evaluated,
) -> None:
    path, said = evaluated
    cases = load_data(Run.open(path).config).cases
    for split, learning in (("test", ["train", "val"]), ("val", ["train"])):
        record, _ = _results(path, split)
        majority, descriptors, *_, best = record["references"]
        n = int(cases["split"].isin(learning).sum())
        assert f"most of the {n} learning ROIs" in majority["how"]
        assert best["name"] == "best possible"
        assert best["auc"]["value"] == 1
        line = f"{descriptors['name']:<32}  {descriptors['auc']['value']:.3f} ["
        assert line in said[split]


def test_the_temperature_is_fitted_on_validation_and_warned_of_there(
    evaluated: Evaluated,
) -> None:
    path, said = evaluated
    (val, table), (test, _) = (_results(path, split) for split in ("val", "test"))
    temperature = test["calibration"]["temperature"]
    assert temperature == fit_temperature(table["label"], table["probability"])
    assert val["calibration"]["temperature"] == temperature
    assert f"at the temperature {temperature:.3g} of validation" in said["test"]
    assert "chosen on these ROIs" in said["val"]
    assert "chosen on these ROIs" not in said["test"]


def test_evaluating_again_gives_the_same_bytes(evaluated: Evaluated) -> None:
    folder = evaluated[0] / "evaluation" / "test"

    def written() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in folder.rglob("*.*")}

    before = written()
    assert main(["evaluate", str(evaluated[0]), "--resamples", "200"]) == 0
    assert written() == before


def test_terminal_and_page_show_what_the_file_holds(evaluated: Evaluated) -> None:
    path, said = evaluated
    folder = path / "evaluation" / "test"
    page = (folder / "report.html").read_text(encoding="utf-8")
    tree = parse(page)
    assert_loads_nothing(page, tree)
    record, _ = _results(path, "test")
    aucs = (record["levels"][level]["metrics"]["auc"] for level in ("roi", "patient"))
    roi, patient = (
        f"{auc['value']:.3f} [{auc['low']:.3f}, {auc['high']:.3f}]" for auc in aucs
    )
    assert f"AUC                 {roi}    {patient}" in said["test"]
    assert roi in cells_of(tree)
    assert f"Written: {folder}; open its report.html" in said["test"]


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """A finished run that may be changed."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.mark.parametrize(
    ("rule", "origin"),
    [
        ("0.25", "given"),
        ("f1", "f1 on validation"),
        ("sensitivity:0.9", "sensitivity:0.9 on validation"),
    ],
)
def test_the_threshold_can_be_chosen_otherwise_and_is_told_from_the_one_that_is_kept(
    copy: Path, capsys: pytest.CaptureFixture[str], rule: str, origin: str
) -> None:
    words = ["--threshold", rule, "--resamples", "20"]
    assert main(["evaluate", str(copy), *words]) == 0
    said = capsys.readouterr().out
    assert "*** These results are at the threshold 0." in said
    assert f"({origin}). predict, serve and the SavedModel use that of the" in said
    record, _ = _results(copy, "test")
    assert f"({origin}). predict, serve and the SavedModel use" in record["notes"][-1]
    assert record["threshold"]["rule"] == origin
    if rule.startswith("sensitivity"):
        assert main(["evaluate", str(copy), *words, "--split", "val"]) == 0
        record, _ = _results(copy, "val")
        assert record["metrics"]["sensitivity"]["value"] >= 0.9
    if origin == "given":
        assert record["threshold"]["value"] == 0.25


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--split", "tset"], "No ROI is in the split 'tset'"),
        (["--threshold", "yuden"], "did you mean 'youden'?"),
        (["--threshold", "sensitivity"], "needs a number in (0, 1] after a colon"),
        (["--threshold", "1.5"], "must lie in [0, 1]. Received: 1.5"),
        (["--threshold", "nan"], "must lie in [0, 1]. Received: nan"),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_is_written(
    copy: Path, error_of: ErrorOf, words: list[str], expected: str
) -> None:
    assert expected in error_of(["evaluate", copy, *words])
    assert not (copy / "evaluation").exists()


def test_data_that_changed_since_the_training_are_refused(
    copy: Path, error_of: ErrorOf
) -> None:
    # Else a patient that was trained on could be tested on.
    text = (copy / "split.csv").read_text()
    (copy / "split.csv").write_text(text.replace(",test,", ",train,", 1))
    line = error_of(["evaluate", copy])
    assert "split.csv: the ROIs or their split are no longer those of the run" in line
