"""`--views two` from the command line: evaluation and prediction by lesion."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from keras_wa.cli import main
from keras_wa.inference.mammogram_classifier import MammogramClassifier
from keras_wa.metrics.prediction_sets import SET_NAMES
from keras_wa.training.data import load_data
from keras_wa.training.run import Run
from tests.cli.failing import ErrorOf


@pytest.fixture(scope="module")
def run(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two views: trained on one, since only its use matters here."""
    path = tmp_path_factory.mktemp("two") / "run"
    shutil.copytree(finished, path)
    for old in ("saved_model", "evaluation"):
        shutil.rmtree(path / old, ignore_errors=True)
    (path / "decision.json").unlink()
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**config, "views": "two"}))
    assert main(["evaluate", str(path), "--resamples", "20"]) == 0
    return path


@pytest.fixture(scope="module")
def evaluated(run: Path) -> pd.DataFrame:
    return pd.read_csv(run / "evaluation/test/predictions.csv", dtype={"lesion": str})


@pytest.fixture(scope="module")
def views(run: Path, evaluated: pd.DataFrame, tmp_path_factory) -> pd.DataFrame:
    """The ROIs of the first lesion in two views, with a file each."""
    folder, data = tmp_path_factory.mktemp("rois"), load_data(Run.open(run).config)
    lesions = evaluated.groupby(["patient_id", "breast", "lesion"])
    own = next(table for _, table in lesions if len(table) > 1)
    files = []
    for roi in own["roi_id"]:
        files.append(str(folder / f"{roi}.png"))
        row = int(np.flatnonzero(data.cases["roi_id"] == roi)[0])
        cv2.imwrite(files[-1], np.asarray(data.raw[row]))
    return own.assign(file=files)


def predicted(model: Path, words: list[str], out: Path) -> dict:
    assert main(["predict", str(model), *words, "--json", str(out)]) == 0
    return json.loads(out.read_text())


def test_the_evaluation_follows_the_run(run: Path, evaluated: pd.DataFrame) -> None:
    lesions = evaluated.groupby(["patient_id", "breast", "lesion"])
    assert lesions["probability"].nunique().eq(1).all()
    record = json.loads((run / "evaluation/test/metrics.json").read_text())
    assert record["levels"]["lesion"]["n"] == len(lesions) < len(evaluated)
    assert any(note.startswith("Two views: the prob") for note in record["notes"])
    assert "Two views: the prob" in (run / "evaluation/test/report.html").read_text()


@pytest.mark.parametrize("kind", ["run", "SavedModel", "preset"])
def test_files_of_one_lesion_have_the_probability_of_the_evaluation(
    run: Path, views: pd.DataFrame, tmp_path: Path, kind: str
) -> None:
    model = run
    if kind == "SavedModel":
        copy = shutil.copytree(run, tmp_path / "run")
        assert main(["export", str(copy)]) == 0
        model = copy / "saved_model"
    elif kind == "preset":
        model = tmp_path / "preset"
        MammogramClassifier.from_preset(run).save_to_preset(model)
    files = list(views["file"])
    record = predicted(model, [*files, "--one-lesion"], tmp_path / "out.json")
    assert any("One lesion" in note for note in record["notes"])
    for each, wanted in zip(record["predictions"], views["probability"], strict=True):
        assert each["probabilities"][1] == pytest.approx(wanted, abs=1e-4)
        assert each["low"] <= each["probability"] <= each["high"]


def test_one_view_works_too_and_an_unreadable_one_is_left_out(
    run: Path, views: pd.DataFrame, tmp_path: Path
) -> None:
    first, absent = views["file"].iloc[0], str(tmp_path / "absent.png")
    words = [first, absent, "--one-lesion"]
    one, none = predicted(run, words, tmp_path / "one.json")["predictions"]
    alone = predicted(run, list(views["file"]), tmp_path / "alone.json")
    assert any("--one-lesion takes all ROIs as views" in n for n in alone["notes"])
    # The sets are those of a lesion in two views.
    for each in (one, *alone["predictions"]):
        assert each["prediction_set"] is None
    both = predicted(run, [*views["file"], "--one-lesion"], tmp_path / "both.json")
    assert {each["prediction_set"] for each in both["predictions"]} < {*SET_NAMES}
    assert one["probability"] == pytest.approx(alone["predictions"][0]["probability"])
    assert none["error"]
    raw = [each["probabilities"][1] for each in alone["predictions"]]
    assert raw[0] != pytest.approx(views["probability"].iloc[0], abs=1e-4)


def test_what_does_not_fit_is_refused(
    finished: Path, run: Path, views: pd.DataFrame, error_of: ErrorOf, tmp_path: Path
) -> None:
    file = views["file"].iloc[0]
    error = error_of(["predict", finished, file, "--one-lesion"])
    assert "a model of one view; expected one that was trained with" in error
    large = str(tmp_path / "mammogram.png")
    cv2.imwrite(large, np.zeros((1200, 1000), np.uint8))
    words = ["predict", run, large, "--one-lesion"]
    assert "one lesion in a whole mammogram" in error_of(words)
    many = [shutil.copy(file, tmp_path / f"{i}.png") for i in range(17)]
    error = error_of(["predict", run, *many, "--one-lesion"])
    assert "--one-lesion: a lesion has few ROIs. Received: 17" in error
    words = ["predict", run, file, "--one-lesion", "--as", "mammogram"]
    error = error_of(words)
    assert "--one-lesion takes ROIs. Received: --as mammogram" in error
