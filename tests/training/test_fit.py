"""A run trains to its last epoch, and its records say what happened."""

from __future__ import annotations

import csv
import json
import math
import shutil
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.metrics import log_loss, roc_auc_score

from keras_wa.data.classes import CLASS_NAMES
from keras_wa.errors import UserError
from keras_wa.export.saved_model import export_saved_model
from keras_wa.training.best import load_best
from keras_wa.training.building import build_model, compile_model, learning_rate
from keras_wa.training.callbacks import Checkpoint
from keras_wa.training.config import TrainConfig
from keras_wa.training.data import load_data
from keras_wa.training.fit import train
from keras_wa.training.run import Run
from keras_wa.training.scoring import score
from tests.tiny_model import SETTINGS, weights_of


def _history(path: Path) -> list[dict[str, float]]:
    with (path / "history.csv").open() as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def test_history_has_a_row_for_each_epoch(finished: Path) -> None:
    rows = _history(finished)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert set(rows[0]) == {
        "epoch",
        "loss",
        "accuracy",
        "val_loss",
        "val_auc",
        "learning_rate",
    }
    assert all(math.isfinite(value) for row in rows for value in row.values())
    assert rows[-1]["learning_rate"] == pytest.approx(0.01)


def test_the_last_rows_scores_are_those_of_the_last_weights(finished: Path) -> None:
    run = Run.open(finished)
    data = load_data(run.config)
    model = build_model(run.config)
    compile_model(model, run.config, data.training_plan())
    assert Checkpoint(run, read_only=True).restore(model) == 3
    table = score(model, data, "val")
    labels = table["label"].to_numpy(int)
    last = _history(finished)[-1]
    auc = roc_auc_score(labels, table["probability"])
    assert last["val_auc"] == pytest.approx(auc, abs=1e-12)
    assert last["val_loss"] == pytest.approx(log_loss(labels, table["probability"]))


def test_best_keras_is_the_model_of_the_best_epoch(finished: Path) -> None:
    run = Run.open(finished)
    table = score(load_best(run), load_data(run.config), "val")
    auc = roc_auc_score(table["label"].to_numpy(int), table["probability"])
    aucs = [row["val_auc"] for row in _history(finished)]
    assert auc == pytest.approx(max(aucs), abs=1e-12)
    assert len(set(aucs)) > 1, "the epochs are alike: nothing is shown"


def test_config_environment_and_split_are_those_of_the_run(finished: Path) -> None:
    config = json.loads((finished / "config.json").read_text())
    assert config["model"] == "tiny"
    assert config["dataset"] == "phantom"
    environment = json.loads((finished / "environment.json").read_text())
    assert environment["backend"] == "tensorflow"
    split = pd.read_csv(finished / "split.csv")
    expected = load_data(Run.open(finished).config).cases
    assert list(split["roi_id"]) == list(expected["roi_id"])
    assert list(split["split"]) == list(expected["split"])
    assert len(split) == SETTINGS["rois"]


def test_one_checkpoint_is_kept_and_nothing_half_written(finished: Path) -> None:
    kept = [path.name for path in (finished / "checkpoints").iterdir()]
    assert kept == ["epoch-00003"]
    assert not list(finished.glob(".*"))


@pytest.mark.parametrize(
    "changes",
    [
        {"precision": "mixed_bfloat16"},
        {"dwt": "pipeline", "model_options": {"wavelet": "db2"}, "enhance": "none"},
        {"strategy": "mirrored", "fresh_rois": True, "schedule": "cosine"},
        {"split": "augmented-first"},
    ],
    ids=["mixed_bfloat16", "pipeline", "mirrored", "augmented-first"],
)
def test_other_settings_train_too(
    tmp_path: Path, store_dir: Path, tiny_model: None, changes: dict
) -> None:
    settings = {**SETTINGS, "store_dir": str(store_dir), "epochs": 1, **changes}
    config = TrainConfig(**settings)
    run = Run.create(tmp_path / "run", config)
    outcome = train(run, load_data(config), verbose=0)
    assert (outcome.epochs, outcome.best_epoch) == (1, 1)
    assert not outcome.interrupted
    assert outcome.best_auc == _history(run.path)[0]["val_auc"]
    assert keras.config.dtype_policy().name == "float32", "as it was before"
    table = score(load_best(run), load_data(config), "test")
    assert np.isfinite(table["probability"]).all()


def test_three_classes_are_trained_scored_and_exported(
    tmp_path: Path, store_dir: Path, tiny_model: None
) -> None:
    settings = {**SETTINGS, "store_dir": str(store_dir), "epochs": 1, "classes": 3}
    config = TrainConfig(**settings)
    run = Run.create(tmp_path / "run", config)
    data = load_data(config)
    outcome = train(run, data, verbose=0)
    assert outcome.best_auc == _history(run.path)[0]["val_auc"]
    model = load_best(Run.open(run.path))
    assert model.output_shape == (None, 3)
    val = score(model, data, "val")
    auc = roc_auc_score(val["label"].to_numpy(int), val["p_2"])
    assert outcome.best_auc == pytest.approx(auc, abs=1e-12)
    # The served model, on ROIs that need no resizing.
    served = tf.saved_model.load(str(export_saved_model(run)))
    raw = data.raw[(data.cases["split"] == "val").to_numpy()]
    found = np.asarray(served.serve(tf.constant(raw[..., None])))
    np.testing.assert_allclose(found, val[["p_0", "p_1", "p_2"]], atol=1e-4)
    card = (run.saved_model / "assets.extra" / "keras_wa.json").read_text()
    assert json.loads(card)["labels"] == list(CLASS_NAMES[3])
    assert "(batch, 3)" in json.loads(card)["output"]


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("classes", [2, 3])
def test_the_loss_is_the_cross_entropy_of_the_classes(
    store_dir: Path, tiny_model: None, classes: int, smoothing: float
) -> None:
    own = {"classes": classes, "label_smoothing": smoothing}
    config = TrainConfig(**SETTINGS, store_dir=str(store_dir), **own)
    model = build_model(config)
    compile_model(model, config, load_data(config).training_plan())
    rng = np.random.default_rng(0)
    x = rng.random((6, 32, 32, 1)).astype("float32")
    labels = np.arange(6) % classes
    loss = model.evaluate(x, np.eye(classes)[labels], verbose=0)[0]
    outputs = np.asarray(model(x), "float64")
    expected = -(1 - smoothing) * np.log(outputs[range(6), labels]).mean()
    expected -= smoothing * np.log(outputs).mean()
    assert loss == pytest.approx(expected, rel=1e-5)


def test_a_finished_run_is_not_trained_further(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(*_: object, **__: object) -> None:
        pytest.fail("the run was complete")

    monkeypatch.setattr(keras.Model, "fit", fit)
    before = (finished / "history.csv").read_bytes()
    run = Run.open(shutil.copytree(finished, tmp_path / "copy"))
    outcome = train(run, load_data(run.config), resume=True, verbose=0)
    assert outcome.epochs == 3
    assert (run.path / "history.csv").read_bytes() == before


@pytest.mark.parametrize("own", [False, True], ids=["ours", "the user's own"])
def test_a_setting_that_turns_out_wrong_leaves_the_directory_as_it_was(
    tmp_path: Path, store_dir: Path, tiny_model: None, own: bool
) -> None:
    if own:
        (tmp_path / "run").mkdir()
    settings = {**SETTINGS, "store_dir": str(store_dir)}
    for wrong in (
        {"batch_size": 1000},
        {"model_options": {"wavelet": "harr"}},
    ):
        config = TrainConfig(**{**settings, **wrong})
        run = Run.create(tmp_path / "run", config)
        with pytest.raises(UserError):
            train(run, load_data(config), verbose=0)
        assert run.path.exists() == own
        assert not list(run.path.glob("*"))


def test_a_run_killed_before_its_first_checkpoint_begins_as_the_first_time(
    tmp_path: Path, store_dir: Path, tiny_model: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Also with the pretrained weights, which a checkpoint would have replaced.
    asked: list[bool] = []

    def build(config: TrainConfig, pretrained: bool) -> keras.Model:
        asked.append(pretrained)
        return build_model(config, pretrained)

    monkeypatch.setattr("keras_wa.training.fit.build_model", build)
    config = TrainConfig(**{**SETTINGS, "store_dir": str(store_dir), "epochs": 1})
    run = Run.create(tmp_path / "run", config)
    data = load_data(config)
    run.begin(data.cases, data.pixels)
    assert train(run, data, resume=True, verbose=0).epochs == 1
    train(run, data, resume=True, verbose=0)
    assert asked == [True, False]


def test_data_that_changed_are_not_trained_on(
    tmp_path: Path, store_dir: Path, tiny_model: None
) -> None:
    config = TrainConfig(**SETTINGS, store_dir=str(store_dir))
    other = TrainConfig(**SETTINGS, store_dir=str(store_dir), data_seed=1)
    run = Run.create(tmp_path / "run", config)
    begun, data = load_data(other), load_data(config)
    run.begin(begun.cases, begun.pixels)
    with pytest.raises(UserError, match="no longer those of the run"):
        train(run, data, resume=True, verbose=0)
    run.begin(data.cases, ["other", *data.pixels[1:]])
    with pytest.raises(UserError, match="1 of 160 ROIs have different pixels"):
        train(run, data, resume=True, verbose=0)


@pytest.mark.parametrize("when", ["first epoch", "writing the second"])
def test_ctrl_c_leaves_the_best_model_of_the_completed_epochs(
    tmp_path: Path,
    store_dir: Path,
    tiny_model: None,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
) -> None:
    config = TrainConfig(**SETTINGS, store_dir=str(store_dir))
    run = Run.create(tmp_path / "run", config)
    savez = np.savez

    def interrupted(path: Path, *arrays: np.ndarray) -> None:
        if when == "first epoch" or "00002" in str(path):
            raise KeyboardInterrupt
        savez(path, *arrays)

    monkeypatch.setattr(np, "savez", interrupted)
    outcome = train(run, load_data(config), verbose=0)
    assert outcome.interrupted
    assert run.best.is_file()
    assert not list(run.checkpoints.glob(".*"))
    if when == "first epoch":
        assert (outcome.epochs, outcome.best_epoch, outcome.best_auc) == (0, None, None)
    else:
        assert (outcome.epochs, outcome.best_epoch) == (1, 1)
        assert outcome.best_auc == _history(run.path)[0]["val_auc"]


def test_the_same_config_builds_the_same_model(tiny_model: None) -> None:
    config = TrainConfig(**{**SETTINGS, "dwt": "pipeline", "image_size": 64})
    keras.utils.set_random_seed(0)
    first = build_model(config)
    keras.utils.set_random_seed(0)
    second = build_model(config)
    assert first.input_shape == (None, 32, 32, 4)
    for one, other in zip(weights_of(first), weights_of(second), strict=True):
        np.testing.assert_array_equal(one, other)


def _rates(steps: int, **settings: object) -> list[float]:
    given = {"schedule": "constant", "warmup_steps": 0, **settings}
    rate = learning_rate(TrainConfig(**given), steps)  # type: ignore[arg-type]
    if isinstance(rate, float):
        return [rate] * steps
    return [float(rate(step)) for step in range(steps)]


def test_a_constant_learning_rate_is_constant() -> None:
    assert _rates(5, learning_rate=0.3) == [0.3] * 5


def test_the_warm_up_rises_from_zero_in_equal_steps() -> None:
    rates = _rates(8, learning_rate=0.4, warmup_steps=4)
    assert rates == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.4, 0.4, 0.4])


def test_the_cosine_falls_to_a_hundredth() -> None:
    # At a quarter, half, three quarters: 0.01 + 0.99 (1 + cos) / 2.
    rates = _rates(5, learning_rate=1.0, schedule="cosine")
    assert rates[0] == pytest.approx(1.0)
    cosine = TrainConfig(learning_rate=1.0, schedule="cosine", warmup_steps=0)
    schedule = learning_rate(cosine, 4)
    values = [float(schedule(step)) for step in range(5)]  # type: ignore[operator]
    expected = [1.0, 0.855018, 0.505, 0.154982, 0.01]
    assert values == pytest.approx(expected, abs=1e-6)


def test_the_cosine_begins_where_the_warm_up_ends() -> None:
    rates = _rates(6, learning_rate=1.0, schedule="cosine", warmup_steps=2)
    # Four steps of decay after two of warm-up.
    assert rates == pytest.approx([0, 0.5, 1.0, 0.855018, 0.505, 0.154982], abs=1e-6)


def test_a_warm_up_longer_than_the_run_rises_to_its_last_step(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert _rates(4, learning_rate=0.3, warmup_steps=2)
    assert not caplog.messages
    rates = _rates(4, learning_rate=0.3, warmup_steps=1000)
    assert rates == pytest.approx([0, 0.1, 0.2, 0.3])
    (note,) = caplog.messages
    assert "rises over 3 of the run's 4 steps" in note


def test_a_run_that_fails_before_it_has_begun_leaves_no_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("of a library")

    monkeypatch.setattr("keras_wa.training.fit._train", broken)
    run = Run.create(tmp_path / "run", TrainConfig(dataset="phantom", weights="none"))
    with pytest.raises(ValueError, match="of a library"):
        train(run, None)  # type: ignore[arg-type]
    assert not run.path.exists()
