"""`keras-wa tune` from the command line, with the tiny model."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from keras_wa.cli import main
from keras_wa.evaluate.tune.results import to_toml
from keras_wa.evaluate.tune.search import ended_trials
from keras_wa.files import locked
from keras_wa.settings import read_toml
from keras_wa.training.config import TrainConfig
from keras_wa.training.data import load_data
from keras_wa.training.fit import train
from keras_wa.training.run import Run
from tests.cli.failing import ErrorOf
from tests.evaluate.pages.html import parse_page, text_of
from tests.tiny_model import flags, start
from tests.waiting import until

SPACE = """
learning_rate = {low = 1e-3, high = 1e-1, log = true}
batch_size = [8, 16]
dropout = [0.0, 0.2]
"""


def words(out: Path, store_dir: Path, space: str = SPACE, **changes: Any) -> list[str]:
    """A search of four trials, two epochs each."""
    out.parent.mkdir(parents=True, exist_ok=True)
    file = out.parent / f"{out.name}.toml"
    file.write_text(space)
    own = {"epochs": 2, "trials": 4, "store_dir": store_dir, "out": out}
    varied = {"learning_rate": None, "batch_size": None}
    return ["tune", str(file), *flags(**{**own, **varied, **changes})]


def study_of(out: Path) -> optuna.Study:
    backend = optuna.storages.journal.JournalFileBackend(str(out / "study.log"))
    storage = optuna.storages.JournalStorage(backend)
    return optuna.load_study(study_name=None, storage=storage)


@pytest.fixture(scope="module")
def searched(
    store_dir: Path, tiny_model: None, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a finished search; not to be changed."""
    out = tmp_path_factory.mktemp("searched") / "out"
    assert main(words(out, store_dir)) == 0
    return out


def test_the_best_trial_is_that_of_a_training_with_best_toml(
    searched: Path, tmp_path: Path
) -> None:
    study = study_of(searched)
    config = TrainConfig.from_mapping(read_toml(searched / "best.toml"), "best.toml")
    best = study.best_trial
    assert config.batch_size == best.params["batch_size"]
    assert config.model_options["dropout"] == best.params["dropout"]
    run = Run.create(tmp_path / "run", config)
    outcome = train(run, load_data(config, progress=False), verbose=0)
    assert outcome.best_auc == pytest.approx(study.best_value, abs=1e-6)
    assert study.best_value == max(t.value for t in study.trials if t.value is not None)


def test_the_page_has_the_trials_and_their_plots(searched: Path) -> None:
    tree = parse_page((searched / "tuning.html").read_text(encoding="utf-8"))
    text = text_of(tree)
    for trial in study_of(searched).trials:
        assert 1e-3 <= trial.params["learning_rate"] <= 1e-1
        if trial.state == optuna.trial.TrialState.COMPLETE:
            assert f"{trial.value:.4f}" in text
    assert not list((searched / "runs").iterdir())


def test_more_trials_go_on_from_those_there_are(
    searched: Path, store_dir: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(searched, tmp_path / "out"))
    before = [(each.params, each.value) for each in study_of(out).trials]
    assert main(words(out, store_dir, trials=5)) == 0
    after = study_of(out).trials
    assert [(each.params, each.value) for each in after[:4]] == before
    assert len(after) == 5
    assert after[4].params not in [params for params, _ in before]


def test_with_folds_the_value_is_the_mean_of_their_validation_aucs(
    store_dir: Path, tiny_model: None, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    folds = {"split": "patient-kfold", "folds": 2, "trials": 1}
    assert main(words(out, store_dir, "batch_size = [16]", **folds)) == 0
    config = TrainConfig.from_mapping(read_toml(out / "best.toml"), "best.toml")
    assert config.split == "patient-kfold"
    aucs = []
    for fold in range(2):
        own = TrainConfig.from_mapping({**config.to_mapping(), "fold": fold}, "")
        run = Run.create(tmp_path / f"fold{fold}", own)
        aucs.append(train(run, load_data(own, progress=False), verbose=0).best_auc)
    assert study_of(out).best_value == pytest.approx(np.mean(aucs), abs=1e-6)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.slow
def test_a_search_that_is_stopped_continues_the_trial(
    store_dir: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    slow = words(out, store_dir, epochs=400, trials=1)
    process = start(*slow)
    until(lambda: list((out / "runs").glob("*/*-fold0/history.csv")))
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate()
    assert process.returncode == 130
    assert "Continue with the same command" in said
    (trial,) = study_of(out).trials
    assert trial.state == optuna.trial.TrialState.RUNNING
    (run,) = (out / "runs").glob("*/*-fold0")
    history = (run / "history.csv").read_text().splitlines()
    assert 2 <= len(history) < 400
    process = start(*slow)
    until(lambda: len((run / "history.csv").read_text().splitlines()) > len(history))
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    assert [each.params for each in study_of(out).trials] == [trial.params] * 2
    reported = study_of(out).trials[1].intermediate_values
    assert set(range(1, len(history))) < set(reported)
    # The epochs of before are kept.
    assert (run / "history.csv").read_text().splitlines()[: len(history)] == history
    assert ended_trials(study_of(out)) == []


def test_a_trial_that_fails_is_not_counted_and_three_in_a_row_end_the_search(
    store_dir: Path, tiny_model: None, tmp_path: Path, error_of: ErrorOf
) -> None:
    # More than there are ROIs to train.
    line = error_of(words(tmp_path / "all", store_dir, "batch_size = [5000]"))
    assert "5000" in line
    trials = study_of(tmp_path / "all").trials
    assert [each.state.name for each in trials] == ["FAIL"] * 3
    assert not list((tmp_path / "all" / "runs").iterdir())


def test_no_trial_begins_after_the_time_and_none_without_data(
    store_dir: Path, tiny_model: None, tmp_path: Path, error_of: ErrorOf
) -> None:
    line = error_of(words(tmp_path / "late", store_dir, minutes=1e-9))
    assert "no trial was completed" in line
    assert study_of(tmp_path / "late").trials == []
    absent = {"dataset": "folder", "data_dir": tmp_path / "absent"}
    line = error_of(words(tmp_path / "none", store_dir, **absent))
    assert str(tmp_path / "absent") in line
    assert study_of(tmp_path / "none").trials == []


def test_two_searches_in_one_folder_are_refused(
    searched: Path, store_dir: Path, tmp_path: Path, error_of: ErrorOf
) -> None:
    out = Path(shutil.copytree(searched, tmp_path / "out"))
    with locked(out):
        line = error_of(words(out, store_dir, trials=9))
    assert "is held by another search" in line


def test_settings_are_written_as_they_are_read(tmp_path: Path) -> None:
    config = TrainConfig(
        dataset="folder",
        data_dir='with "quotes", \\backslash and \U0001f600',
        learning_rate=3e-4,
        augment=False,
        model_options={"wavelet": "db2"},
    )
    (tmp_path / "file.toml").write_text(to_toml(config), encoding="utf-8")
    read = read_toml(tmp_path / "file.toml")
    assert TrainConfig.from_mapping(read, "file.toml").data_dir == config.data_dir
    assert read["learning_rate"] == 3e-4
    assert read["augment"] is False


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        ("", "no setting"),
        ("learning_rat = [1]", "did you mean 'learning_rate'?"),
        ("seed = [1, 2]", "setting to vary"),
        ("batch_size = []", "expected a list of values"),
        ("learning_rate = {low = 1, high = 0.1}", "expected a list of values"),
        ("learning_rate = {low = 0, high = 0.1, log = true}", "expected a list"),
        ("batch_size = [16, 0]", "'batch_size' must be"),
        ("dropout = [", "not valid TOML"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(
    store_dir: Path,
    tiny_model: None,
    tmp_path: Path,
    error_of: ErrorOf,
    space: str,
    expected: str,
) -> None:
    assert expected in error_of(words(tmp_path / "out", store_dir, space))
    assert not (tmp_path / "out").exists()


def test_another_space_or_other_settings_need_another_folder(
    searched: Path, store_dir: Path, tmp_path: Path, error_of: ErrorOf
) -> None:
    out = Path(shutil.copytree(searched, tmp_path / "out"))
    before = json.dumps([each.params for each in study_of(out).trials])
    line = error_of(words(out, store_dir, SPACE + "augment = [true, false]"))
    assert "the parameters of this search differ" in line
    line = error_of(words(out, store_dir, seed=5))
    assert "the seed of this search differ" in line
    line = error_of(words(out, store_dir, epochs=3))
    assert "the settings of this search differ" in line
    assert json.dumps([each.params for each in study_of(out).trials]) == before
