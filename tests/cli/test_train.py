"""`keras-wa train`: what it says, what it refuses, what it carries on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from keras_wa.cli import main
from keras_wa.data import split_hash
from keras_wa.data.leaky_splits import LEAKY_SPLITS
from keras_wa.training.fit import Outcome
from tests.cli.bars import without_bars
from tests.tiny_model import flags

Calls = list[dict[str, Any]]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Trains nothing and exports nothing, but notes what it was asked to do."""
    calls: list[dict[str, Any]] = []

    def train(run: Any, data: Any, resume: bool) -> Outcome:
        calls.append({"run": run, "data": data, "resume": resume})
        return Outcome(epochs=3, best_epoch=2, best_auc=0.75, interrupted=False)

    monkeypatch.setattr("keras_wa.training.fit.train", train)
    monkeypatch.setattr(
        "keras_wa.training.decision.make_decision", lambda run, data: None
    )
    monkeypatch.setattr(
        "keras_wa.export.saved_model.export_saved_model", lambda run: run.saved_model
    )
    return calls


def test_the_user_learns_what_is_trained_on_what_and_where_it_is(
    tmp_path, store_dir, tiny_model, trained, capsys
):
    run_dir = tmp_path / "runs" / "mine"
    assert main(["train", *flags(store_dir=store_dir, run_dir=run_dir)]) == 0
    captured = capsys.readouterr()
    assert without_bars(captured.err) == ""
    out = captured.out
    cases = trained[0]["data"].cases
    counts = cases["split"].value_counts()
    assert (
        f"tiny on phantom: {counts['train']} ROIs to train, {counts['val']} to "
        f"validate, {counts['test']} to test (split {split_hash(cases)}, drawn by "
        "patient (seed 0))." in out
    )
    assert f"tensorboard --logdir {tmp_path / 'runs'}" in out
    assert "Best of 3 epochs: epoch 2, validation AUC 0.750." in out
    assert f"SavedModel: {run_dir / 'saved_model'}" in out
    assert f"python evaluate.py {run_dir}" in out
    assert out.count("*** This is a phantom") == 2, "before and after the training"


@pytest.mark.parametrize(("split", "notice"), LEAKY_SPLITS.items())
def test_every_page_of_a_leaky_split_says_that_it_is_inflated(
    tmp_path, store_dir, tiny_model, trained, capsys, split, notice
):
    words = flags(store_dir=store_dir, run_dir=tmp_path / "run", split=split)
    assert main(["train", *words]) == 0
    assert capsys.readouterr().out.count(f"*** {notice}") == 2


def test_without_data_the_phantom_is_taken_and_that_is_said_loudly(
    tmp_path, tiny_model, trained, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(["train", *flags(dataset=None)]) == 0
    assert "*** PHANTOM: no data set is under data/" in capsys.readouterr().out
    run = trained[0]["run"]
    assert run.config.dataset == "phantom"
    assert run.path.parent == Path("runs")
    assert run.path.name.startswith("tiny-phantom-")


def test_an_existing_run_is_not_overwritten(finished, store_dir, error_of):
    before = {p: p.read_bytes() for p in finished.rglob("*") if p.is_file()}
    line = error_of(["train", *flags(store_dir=store_dir, run_dir=finished)])
    assert "already exists" in line
    assert "--resume" in line
    assert {p: p.read_bytes() for p in finished.rglob("*") if p.is_file()} == before


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """A finished run that may be changed."""
    return Path(shutil.copytree(finished, tmp_path / "copy"))


def test_resume_of_a_finished_run_exports_it_again(copy, capsys):
    shutil.rmtree(copy / "saved_model")
    assert main(["train", "--run-dir", str(copy), "--resume"]) == 0
    assert (copy / "saved_model" / "saved_model.pb").is_file()
    assert "Best of 3 epochs" in capsys.readouterr().out


def test_resume_takes_the_newest_run_unless_told(
    copy, tiny_model, trained, monkeypatch
):
    (copy.parent / "runs").mkdir()
    copy.rename(copy.parent / "runs" / "mine")
    monkeypatch.chdir(copy.parent)
    assert main(["train", "--resume"]) == 0
    assert trained[0]["run"].path == Path("runs/mine")
    assert trained[0]["resume"]


def test_resume_without_a_run_says_so(tmp_path, monkeypatch, error_of):
    monkeypatch.chdir(tmp_path)
    line = error_of(["train", "--resume"])
    assert line == "error: No run to resume under runs/. Give --run-dir."


def test_resume_accepts_its_own_settings_again(finished, store_dir, tmp_path, trained):
    path = tmp_path / "quick.toml"
    path.write_text("epochs = 3\nlearning_rate = 0.01\n")
    words = [*flags(store_dir=store_dir, run_dir=finished), "--config", str(path)]
    assert main(["train", *words, "--resume"]) == 0
    assert trained[0]["run"].config.epochs == 3


@pytest.mark.parametrize(
    ("words", "flag", "stored"),
    [
        (["--epochs", "4"], "--epochs", "3"),
        (
            ["--model-option", "wavelet=db2"],
            "--model-option",
            "{'wavelet': 'haar', 'dropout': 0.2}",
        ),
    ],
)
def test_resume_with_another_setting_is_refused(
    finished, error_of, words, flag, stored
):
    line = error_of(["train", "--run-dir", finished, "--resume", *words])
    assert f"{flag} is {stored}. Received: " in line
    assert "start a new run" in line


def test_ctrl_c_says_how_to_carry_on(
    tmp_path, store_dir, tiny_model, monkeypatch, capsys
):
    outcome = Outcome(epochs=0, best_epoch=None, best_auc=None, interrupted=True)
    monkeypatch.setattr("keras_wa.training.fit.train", lambda *_, **__: outcome)
    run_dir = tmp_path / "run"
    assert main(["train", *flags(store_dir=store_dir, run_dir=run_dir)]) == 130
    out = capsys.readouterr().out
    assert f"Stopped. Resume: python train.py --run-dir {run_dir} --resume" in out
    assert "Best of" not in out
    assert "SavedModel" not in out
