"""Whenever a run is killed, what is on the disk is whole and can be carried on."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.metrics import log_loss, roc_auc_score

from keras_wa.errors import UserError
from keras_wa.training.callbacks import (
    Checkpoint,
    StopOnNaN,
    ValidationScores,
    malignant,
    most_probable,
)
from keras_wa.training.config import TrainConfig
from keras_wa.training.optimizer import FusedAdam
from keras_wa.training.run import Run
from tests.tiny_model import weights_of


class Killed(BaseException):
    """Stands for kill -9: no handler of the package may catch it."""


def _model(width: int = 3, classes: int = 2) -> keras.Model:
    inputs = keras.Input((4,))
    x = keras.layers.Dense(width)(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5, seed=5)(x)
    outputs = keras.layers.Dense(classes, activation="softmax")(x)
    model = keras.Model(inputs, outputs)
    model.compile(FusedAdam(0.1), "binary_crossentropy", run_eagerly=True)
    return model


def _step(model: keras.Model) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8, 4)).astype("float32")
    model.train_on_batch(x, np.eye(2, dtype="float32")[[0, 1] * 4])


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run directory."""
    return Run.create(tmp_path / "run", TrainConfig(dataset="phantom", weights="none"))


@pytest.fixture
def checkpoint(run: Run) -> Checkpoint:
    """A checkpoint callback with a model of a few steps."""
    model = _model()
    _step(model)
    callback = Checkpoint(run)
    callback.set_model(model)
    return callback


def test_validation_scores_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(21, 4)).astype("float32"), rng.integers(0, 2, 21)
    model = _model()
    validation = ValidationScores(
        tf.data.Dataset.from_tensor_slices(x).batch(8), labels
    )
    validation.set_model(model)
    logs: dict[str, Any] = {}
    validation.on_epoch_end(0, logs)
    expected = np.asarray(model(x), "float64")[:, 1]
    np.testing.assert_allclose(validation.probabilities, expected, rtol=1e-6)
    assert logs["val_auc"] == pytest.approx(roc_auc_score(labels, expected))
    assert logs["val_loss"] == pytest.approx(log_loss(labels, expected))
    assert logs["learning_rate"] == pytest.approx(0.1)


def test_of_three_classes_the_auc_is_that_of_malignant_against_the_rest() -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(21, 4)).astype("float32"), rng.integers(0, 3, 21)
    model = _model(classes=3)
    batches = tf.data.Dataset.from_tensor_slices(x).batch(8)
    validation = ValidationScores(batches, labels)
    validation.set_model(model)
    logs: dict[str, Any] = {}
    validation.on_epoch_end(0, logs)
    outputs = np.asarray(model(x), "float64")
    np.testing.assert_allclose(validation.probabilities, outputs[:, 2], rtol=1e-6)
    loss = -np.log(outputs[np.arange(21), labels]).mean()
    assert logs["val_loss"] == pytest.approx(loss, rel=1e-6)
    assert logs["val_auc"] == pytest.approx(roc_auc_score(labels == 2, outputs[:, 2]))
    assert validation.classes == 3


def test_of_equally_probable_classes_the_worse_is_called() -> None:
    assert most_probable([[0.5, 0.5], [0.6, 0.4], [0.4, 0.6]]).tolist() == [1, 0, 1]
    three = [[0.2, 0.4, 0.4], [0.4, 0.4, 0.2], [0.5, 0.2, 0.3], [0.1, 0.2, 0.7]]
    assert most_probable(three).tolist() == [2, 1, 0, 2]


def test_probabilities_never_leave_the_unit_interval() -> None:
    above = np.nextafter(np.float32(1), np.float32(2))
    assert malignant([[0.0, above], [1.0, -1e-9]]).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_the_run_in_one_line(loss: float) -> None:
    StopOnNaN().on_train_batch_end(0, {"loss": 1e30})
    with pytest.raises(UserError, match=rf"step 7 is {loss}.*`learning_rate`"):
        StopOnNaN().on_train_batch_end(6, {"loss": loss})


def test_weights_spoilt_by_the_last_step_are_found_before_they_are_saved() -> None:
    model = _model()
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    batches = tf.data.Dataset.from_tensors(np.ones((2, 4), "float32"))
    validation = ValidationScores(batches, np.array([0, 1]))
    validation.set_model(model)
    with pytest.raises(UserError, match=r"validation is nan.*`learning_rate`"):
        validation.on_epoch_end(0, {})


def test_everything_that_decides_the_next_step_is_restored(
    run: Run, checkpoint: Checkpoint
) -> None:
    checkpoint.on_epoch_end(0, {"val_auc": 0.5})
    other = _model()
    for _ in range(3):
        _step(other)
    restored = Checkpoint(run)
    assert restored.restore(other) == 1
    assert restored.history == checkpoint.history
    for _ in range(2):  # Dropout's noise included.
        _step(checkpoint.model)
        _step(other)
    for actual, expected in zip(
        [*weights_of(other), *map(np.asarray, other.optimizer.variables)],
        [
            *weights_of(checkpoint.model),
            *map(np.asarray, checkpoint.model.optimizer.variables),
        ],
        strict=True,
    ):
        np.testing.assert_array_equal(actual, expected)


def test_without_a_checkpoint_nothing_is_restored(run: Run) -> None:
    model = _model()
    before = weights_of(model)
    assert Checkpoint(run).restore(model) == 0
    for actual, expected in zip(weights_of(model), before, strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_only_the_last_checkpoint_is_kept(run: Run, checkpoint: Checkpoint) -> None:
    for epoch in range(11):
        checkpoint.on_epoch_end(epoch, {"val_auc": 0.5})
    assert [path.name for path in run.checkpoints.iterdir()] == ["epoch-00011"]


def test_the_best_model_is_that_of_the_first_highest_auc(
    run: Run, checkpoint: Checkpoint
) -> None:
    assert checkpoint.best_epoch is None
    kept = []
    for epoch, auc in enumerate([0.5, 0.7, 0.6, 0.7]):
        _step(checkpoint.model)
        checkpoint.on_epoch_end(epoch, {"val_auc": auc})
        kept.append(checkpoint.model.get_weights())
    assert checkpoint.best_epoch == 1
    best = keras.models.load_model(run.best)
    for actual, expected in zip(best.get_weights(), kept[1], strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_an_auc_that_is_no_number_is_never_the_best(
    run: Run, checkpoint: Checkpoint
) -> None:
    for epoch, auc in enumerate([math.nan, 0.5, 0.7, math.nan]):
        checkpoint.on_epoch_end(epoch, {"val_auc": auc})
        assert checkpoint.best_epoch == [None, 1, 2, 2][epoch]
        assert run.best.is_file() == (epoch > 0)


def _kill_in(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills the process in the middle of, or right before, a stage of epoch 2."""

    def kill(*_: object, **__: object) -> None:
        raise Killed

    targets: dict[str, tuple[object, str]] = {
        "writing weights": (np, "savez"),
        "removing the old checkpoint": (shutil, "rmtree"),
        "writing history": (Run, "write_history"),
        "writing the best model": (Checkpoint, "save_best"),
    }
    monkeypatch.setattr(*targets[name], kill)


@pytest.mark.parametrize(
    ("stage", "completed"),
    [
        ("writing weights", 1),
        ("removing the old checkpoint", 2),
        ("writing history", 2),
        ("writing the best model", 2),
    ],
)
def test_killed_at_any_stage_of_an_epochs_end_the_run_is_whole_after_restoring(
    run: Run,
    checkpoint: Checkpoint,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    completed: int,
) -> None:
    weights = []
    checkpoint.on_epoch_end(0, {"val_auc": 0.5})
    weights.append(checkpoint.model.get_weights())
    _step(checkpoint.model)
    weights.append(checkpoint.model.get_weights())
    with monkeypatch.context() as patch:
        _kill_in(stage, patch)
        with pytest.raises(Killed):
            checkpoint.on_epoch_end(1, {"val_auc": 0.9})
    # What only a real kill leaves behind: tests/cli/test_resume.py has real ones.
    partial = run.checkpoints / ".4711.partial-epoch-00002"
    partial.mkdir(exist_ok=True)

    model = _model()
    restored = Checkpoint(run)
    assert restored.restore(model) == completed
    assert not partial.exists()
    assert list(pd.read_csv(run.path / "history.csv")["epoch"]) == list(
        range(1, completed + 1)
    )
    for loaded in (model, keras.models.load_model(run.best)):
        for actual, expected in zip(
            loaded.get_weights(), weights[completed - 1], strict=True
        ):
            np.testing.assert_array_equal(actual, expected)


def _cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: _cut(folder / "variables.npz"),
        lambda folder: (folder / "variables.npz").write_bytes(b""),
        lambda folder: np.savez(folder / "variables.npz", np.zeros(3)),
        lambda folder: _cut(folder / "history.json"),
        lambda folder: (folder / "history.json").unlink(),
    ],
    ids=["cut variables", "no bytes", "other variables", "cut history", "no history"],
)
def test_a_damaged_checkpoint_is_named(
    run: Run, checkpoint: Checkpoint, damage: Callable[[Path], None]
) -> None:
    checkpoint.on_epoch_end(0, {"val_auc": 0.5})
    damage(run.checkpoints / "epoch-00001")
    with pytest.raises(UserError, match=r"epoch-00001: the checkpoint cannot be read"):
        Checkpoint(run).restore(_model())


def test_a_checkpoint_of_another_model_is_named(
    run: Run, checkpoint: Checkpoint
) -> None:
    checkpoint.on_epoch_end(0, {"val_auc": 0.5})
    with pytest.raises(UserError, match=r"epoch-00001: the checkpoint cannot be read"):
        Checkpoint(run).restore(_model(width=5))
