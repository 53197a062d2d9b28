"""The folder has every run's parts, is written anew in part, and leaves runs alone."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from keras_wa.errors import UserError
from keras_wa.evaluate.dashboard.discovery import find_runs
from keras_wa.evaluate.dashboard.event_export import build
from keras_wa.evaluate.report.evaluate_run import evaluate_run
from keras_wa.evaluate.report.mistakes import RECORD, read_mistakes
from keras_wa.training.run import Run

TEST_TAGS = {
    "test/auc",
    "test/auprc",
    "test/sensitivity",
    "test/specificity",
    "test/malignant",
    "test/ROC curve",
    "test/Precision and sensitivity",
    "test/Reliability",
    "test/Decision curve",
}


@pytest.fixture(scope="module")
def evaluated(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an evaluated run; not to be changed."""
    path = tmp_path_factory.mktemp("evaluated")
    shutil.copytree(finished, path / "one")
    evaluate_run(Run.open(path / "one"), "test", "youden", 20)
    return path


@pytest.fixture(scope="module")
def shown(evaluated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is shown of that run; not to be changed."""
    out = tmp_path_factory.mktemp("shown") / "out"
    before = state_of(evaluated)
    assert built(evaluated, out) == []
    assert state_of(evaluated) == before, "the run is left alone"
    return out


@pytest.fixture
def runs(evaluated: Path, tmp_path: Path) -> Path:
    """A copy of it, and beside it a run as JAX leaves it, not evaluated."""
    path = tmp_path / "runs"
    shutil.copytree(evaluated, path)
    shutil.copytree(
        path / "one",
        path / "other",
        ignore=shutil.ignore_patterns("tensorboard", "evaluation"),
    )
    return path


def built(runs: Path, out: Path, most: int = 0) -> list[str]:
    return build(out, find_runs([runs])[0], most)


def state_of(root: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file, that of a link of itself."""
    return {
        str(path.relative_to(root)): (state.st_size, state.st_mtime_ns)
        for path in root.rglob("*")
        if not path.is_dir()
        for state in [path.lstat()]
    }


def tags(folder: Path) -> set[str]:
    return set(EventAccumulator(str(folder)).Reload().Tags()["tensors"])


def test_a_run_has_its_curves_settings_and_results(evaluated, shown):
    one = shown / "one"
    assert (one / "training").resolve() == evaluated / "one" / "tensorboard"
    found = tags(one)
    assert found >= TEST_TAGS
    assert {tag.split(",")[0] for tag in found - TEST_TAGS} == {
        "_hparams_/experiment",
        "_hparams_/session_start_info",
        "_hparams_/session_end_info",
        "custom_scalars__config__",
        "best/val_auc",
        "test/most confident mistakes",
    }


def test_the_numbers_are_those_of_the_run(evaluated, shown):
    events = EventAccumulator(str(shown / "one")).Reload()
    history = pd.read_csv(evaluated / "one" / "history.csv")
    (best,) = events.Tensors("best/val_auc")
    assert tf.make_ndarray(best.tensor_proto) == pytest.approx(history["val_auc"].max())
    assert best.step == history["val_auc"].argmax() + 1
    (curve,) = events.Tensors("test/malignant")
    predictions = pd.read_csv(evaluated / "one/evaluation/test/predictions.csv")
    counts = tf.make_ndarray(curve.tensor_proto)[:4, 0]
    malignant = predictions["label"].sum()
    assert counts.tolist() == [malignant, len(predictions) - malignant, 0, 0]
    alarms = read_mistakes(evaluated / "one" / "evaluation" / "test").false_alarms
    (sheet,) = events.Tensors("test/most confident mistakes, false alarms")
    height = int(sheet.tensor_proto.string_val[1])
    assert height == 200 * len(alarms) > 0, "a row each"


def test_a_run_without_logs_has_its_history(runs, tmp_path):
    notes = built(runs / "other", tmp_path / "out")
    assert notes == [
        "other: no results, it was not evaluated. Evaluate it: "
        f"`evaluate_run(run='{runs / 'other'}')`"
    ]
    history = pd.read_csv(runs / "other" / "history.csv")
    folder = tmp_path / "out" / "other" / "training"
    events = EventAccumulator(str(folder)).Reload()
    for name in history.columns.drop("epoch"):
        entries = events.Tensors(name)
        assert [each.step for each in entries] == history["epoch"].tolist()
        values = [float(tf.make_ndarray(each.tensor_proto)) for each in entries]
        assert values == pytest.approx(history[name].tolist(), rel=1e-6)


def test_only_what_has_changed_is_written_again(runs, shown, tmp_path):
    out = shutil.copytree(shown, tmp_path / "out", symlinks=True)
    built(runs / "one", out)
    before = state_of(out)
    built(runs / "one", out)
    assert state_of(out) == before
    os.utime(runs / "one" / "evaluation" / "test" / RECORD, (3e9, 3e9))
    built(runs / "one", out)
    after = state_of(out)
    changed = {n for n in {*before, *after} if before.get(n) != after.get(n)}
    assert {Path(name).suffix for name in changed} == {".test", ".json"}
    assert sum(name.endswith(".test") for name in after) == 1, "the older one is gone"


def test_features_are_computed_once(runs, tmp_path, caplog):
    caplog.set_level(logging.INFO, "keras_wa")
    for most in (5, 5):
        found = find_runs([runs / "other"])[0]
        build(tmp_path / "out", found, most)
    assert caplog.messages == ["Features of other (1/1) …"]


def test_what_changes_while_it_is_read_is_written_again(runs, tmp_path, caplog):
    found = find_runs([runs / "other"])[0]

    def change(_: logging.LogRecord) -> bool:
        os.utime(runs / "other" / "split.csv", (3e9, 3e9))
        return True

    caplog.set_level(logging.INFO, "keras_wa")
    caplog.handler.addFilter(change)
    try:
        for _ in range(3):
            build(tmp_path / "out", found, 5)
    finally:
        caplog.handler.removeFilter(change)
    assert caplog.messages == ["Features of other (1/1) …"] * 2


def test_an_auc_that_is_no_number_is_never_the_best(runs, tmp_path):
    file, out = runs / "other" / "history.csv", tmp_path / "out"
    history = pd.read_csv(file)
    history["val_auc"] = [float("nan"), 0.5, 0.75]
    history.to_csv(file, index=False)
    built(runs / "other", out)
    (best,) = EventAccumulator(str(out / "other")).Reload().Tensors("best/val_auc")
    assert (best.step, tf.make_ndarray(best.tensor_proto)) == (3, 0.75)
    history["val_auc"] = float("nan")
    history.to_csv(file, index=False)
    built(runs / "other", out)
    assert "best/val_auc" not in tags(out / "other")


def test_a_run_that_is_gone_is_removed_with_what_was_made_of_it(runs, shown, tmp_path):
    out = shutil.copytree(shown, tmp_path / "out", symlinks=True)
    (out / "one").rename(out / "gone")
    built(runs / "other", out)
    assert {path.name for path in out.iterdir() if path.is_dir()} == {"other"}
    assert list((runs / "one" / "tensorboard").iterdir()), "behind a link"


def test_an_older_evaluation_has_all_but_the_pictures_of_its_mistakes(runs, tmp_path):
    shutil.rmtree((runs / "one" / "evaluation" / "test" / RECORD).parent)
    for _ in range(2):
        (note,) = built(runs / "one", tmp_path / "out")
        assert note.startswith("one: test has no pictures of mistakes")
    found = tags(tmp_path / "out" / "one")
    assert found >= TEST_TAGS
    assert not any("mistakes" in tag for tag in found)


@pytest.mark.parametrize("spoilt", ["predictions.csv", RECORD, None])
def test_results_that_are_not_there_any_more_are_removed(runs, shown, tmp_path, spoilt):
    out = shutil.copytree(shown, tmp_path / "out", symlinks=True)
    if spoilt:
        (runs / "one/evaluation/test" / spoilt).write_text("a\n1\n")
    else:
        shutil.rmtree(runs / "one" / "evaluation")
    notes = built(runs / "one", out)
    said = "test is left out. " if spoilt else "no results, it was not evaluated. "
    assert f"one: {said}" in notes[0]
    assert "`evaluate_run" in notes[0]
    assert not tags(out / "one") & TEST_TAGS


def test_a_run_whose_data_have_changed_is_not_in_the_projector(runs, tmp_path):
    split = runs / "other" / "split.csv"
    split.write_text(split.read_text().replace("test", "train"))
    notes = built(runs / "other", tmp_path / "out", most=5)
    assert "other: not in the projector. " in notes[-1]
    assert "Restore the data" in notes[-1]
    assert not list((tmp_path / "out").rglob("projector_config.pbtxt"))


def test_a_run_that_has_only_begun_is_shown(runs, tmp_path):
    for name in ("history.csv", "best.keras"):
        (runs / "other" / name).unlink()
    notes = built(runs / "other", tmp_path / "out", most=5)
    assert "other: no curves, no epoch was completed" in notes[0]
    assert "other: not in the projector" in notes[-1]
    found = tags(tmp_path / "out" / "other")
    assert "_hparams_/session_start_info" in found
    assert "_hparams_/session_end_info" not in found


def test_a_folder_with_other_files_is_refused_and_left(runs, tmp_path):
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.tex").touch()
    with pytest.raises(UserError, match="a folder with other files"):
        built(runs, out)
    assert [path.name for path in out.iterdir()] == ["thesis.tex"]
