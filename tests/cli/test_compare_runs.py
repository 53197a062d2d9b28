"""`keras-wa compare` of finished runs, of the tiny model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from keras_wa.cli import main
from tests.cli.comparison import record_of, words
from tests.cli.failing import ErrorOf

Refused = Callable[[Sequence[Path], Path], str]


@pytest.fixture(scope="module")
def folded(
    store_dir: Path, tiny_model: None, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A comparison over two folds; not to be changed."""
    out = tmp_path_factory.mktemp("folded") / "out"
    changes = {"models": "tiny", "splits": "patient-kfold", "folds": 2, "seeds": 1}
    assert main(words(store_dir, out, **changes)) == 0
    return out


def change(file: Path, **values: Any) -> None:
    record = json.loads(file.read_text())
    file.write_text(json.dumps({**record, **values}))


@pytest.fixture
def copies(compared: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two evaluated runs of different systems that may be changed."""
    first, second = (
        Path(shutil.copytree(compared / "runs/official" / name, tmp_path / name))
        for name in ("tiny-seed0", "tiny-dropout=0.5-seed0")
    )
    return first, second


@pytest.fixture
def refused(error_of: ErrorOf) -> Refused:
    """Compares runs that cannot be; gives the error."""

    def line(runs: Sequence[Path], out: Path) -> str:
        found = error_of(["compare", *runs, "--out", out])
        assert not (out / "comparison.json").exists()
        return found

    return line


@pytest.mark.slow
def test_the_folds_of_a_seed_are_tested_as_one(folded: Path) -> None:
    runs = [folded / f"runs/patient-kfold/tiny-seed0-fold{fold}" for fold in range(2)]
    tables = [pd.read_csv(run / "evaluation/test/predictions.csv") for run in runs]
    thresholds = [
        json.loads((run / "evaluation/test/metrics.json").read_text())["threshold"]
        for run in runs
    ]
    every = pd.concat(tables)
    assert every["roi_id"].is_unique
    called = np.concatenate(
        [
            table["probability"] >= threshold["value"]
            for table, threshold in zip(tables, thresholds, strict=True)
        ]
    )
    (part,) = record_of(folded)["splits"]
    assert part["n_rois"] == len(every)
    assert part["n_patients"] == every["patient_id"].nunique()
    assert part["split_origin"].startswith("patient-kfold, folds 0, 1 of 0 to 1")
    metrics = part["systems"][0]["metrics"]
    expected = roc_auc_score(every["label"], every["probability"])
    assert metrics["auc"]["values"] == pytest.approx([expected])
    accuracy = np.mean(called == every["label"])
    assert metrics["accuracy"]["values"] == pytest.approx([accuracy])
    assert part["systems"][0]["seeds"] == [0]


def test_runs_of_folds_are_compared_as_they_are(
    folded: Path, tmp_path: Path, refused: Refused
) -> None:
    out = tmp_path / "out"
    runs = sorted(map(str, (folded / "runs/patient-kfold").iterdir()))
    assert main(["compare", *runs, "--resamples", "50", "--out", str(out)]) == 0
    (part,), (then,) = record_of(out)["splits"], record_of(folded)["splits"]
    assert part["split_hash"] == then["split_hash"]
    assert part["systems"][0]["metrics"] == then["systems"][0]["metrics"]
    other = shutil.copytree(runs[1], tmp_path / "other seed")
    change(other / "config.json", seed=1)
    line = refused((*map(Path, runs), other), tmp_path / "less")
    assert "Received: runs of fold [1]; expected those of [0, 1]" in line


def test_finished_runs_are_compared_as_they_are_with_their_hardware(
    compared: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(compared / "runs/official", tmp_path / "runs")
    runs = [str(path) for path in sorted(folder.iterdir())]
    for run, devices in zip(runs, ["1 x A100"] * 3 + ["CPU, 3 cores"], strict=True):
        change(Path(run) / "environment.json", devices=devices, backend="jax")
    out = tmp_path / "out"
    assert main(["compare", *runs, "--resamples", "50", "--out", str(out)]) == 0
    (part,) = record_of(out)["splits"]
    found = {each["name"]: each["seeds"] for each in part["systems"]}
    assert found == {"tiny:dropout=0.5": [0, 1], "tiny": [0, 1]}
    assert record_of(out)["hardware"] == "1 x A100, jax; CPU, 3 cores, jax"
    for run in runs[:3]:
        (Path(run) / "environment.json").unlink()
    assert main(["compare", *runs, "--resamples", "50", "--out", str(out)]) == 0
    hardware = "hardware not recorded; CPU, 3 cores, jax"
    assert record_of(out)["hardware"] == hardware


def test_a_comparison_of_two_splits_is_refused(
    copies: tuple[Path, Path], tmp_path: Path, refused: Refused
) -> None:
    change(copies[1] / "evaluation/test/metrics.json", split_hash="0123456789ab")
    line = refused(copies, tmp_path / "out")
    assert "Results on different splits cannot be compared" in line
    assert "0123456789ab" in line


def test_the_same_run_twice_is_refused(
    copies: tuple[Path, Path], tmp_path: Path, refused: Refused
) -> None:
    line = refused((copies[0], copies[0]), tmp_path / "out")
    assert "Expected: each system once per seed" in line


def test_a_probability_that_is_no_number_is_refused(
    copies: tuple[Path, Path], tmp_path: Path, refused: Refused
) -> None:
    file = copies[0] / "evaluation/test/predictions.csv"
    table = pd.read_csv(file)
    table.loc[3, "probability"] = np.nan
    table.to_csv(file, index=False, na_rep="nan")
    line = refused(copies, tmp_path / "out")
    assert f"the probability of ROI {table['roi_id'][3]!r} is not a number" in line


def test_a_run_that_is_not_evaluated_says_how(
    copies: tuple[Path, Path], tmp_path: Path, refused: Refused
) -> None:
    shutil.rmtree(copies[1] / "evaluation")
    line = refused(copies, tmp_path / "out")
    assert f"python evaluate.py {copies[1]}" in line
