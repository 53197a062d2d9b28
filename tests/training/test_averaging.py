"""The average of the weights is validated and kept; training goes on without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from keras_wa.training import fit
from keras_wa.training.averaging import averaged
from keras_wa.training.best import load_best
from keras_wa.training.config import TrainConfig
from keras_wa.training.data import load_data
from keras_wa.training.optimizer import FusedAdam
from keras_wa.training.run import Run
from keras_wa.training.scoring import score
from tests.tiny_model import SETTINGS, weights_of

EMA, EPOCHS, STEPS = 0.8, 2, 6


class Steps(keras.callbacks.Callback):
    """Keeps the trainable weights after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[list[np.ndarray]] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        variables = self.model.trainable_variables
        self.weights.append([np.array(each) for each in variables])


class Trained(NamedTuple):
    """A run, and the trainable weights after each of its steps."""

    run: Run
    steps: list[list[np.ndarray]]


def _train(run_dir: Path, store_dir: Path, resume: bool = False, **s: Any) -> Trained:
    settings = {**SETTINGS, "store_dir": str(store_dir), "epochs": EPOCHS, **s}
    config = TrainConfig(**settings)
    run = Run(run_dir, config) if resume else Run.create(run_dir, config)
    steps = Steps()
    callbacks = fit._callbacks
    with mock.patch.object(fit, "_callbacks", lambda *each: [*callbacks(*each), steps]):
        fit.train(run, load_data(config), resume=resume, verbose=0)
    return Trained(run, steps.weights)


def _variables(run: Run) -> list[np.ndarray]:
    """What the last checkpoint holds."""
    (folder,) = run.checkpoints.iterdir()
    with np.load(folder / "variables.npz") as arrays:
        return [arrays[name] for name in arrays]


@pytest.fixture(scope="module")
def trained(
    store_dir: Path, tiny_model: None, tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    """A run that keeps an average."""
    return _train(tmp_path_factory.mktemp("averaged") / "run", store_dir, ema=EMA)


def _by_hand(steps: list[list[np.ndarray]]) -> list[np.ndarray]:
    average = [each.astype("float64") for each in steps[0]]
    for weights in steps[1:]:
        average = [
            EMA * mean + (1 - EMA) * own
            for mean, own in zip(average, weights, strict=True)
        ]
    return average


def test_the_average_starts_at_the_first_step_and_is_kept_as_the_best(
    trained: Trained,
) -> None:
    assert len(trained.steps) == EPOCHS * STEPS
    history = pd.read_csv(trained.run.path / "history.csv")
    best = load_best(trained.run)
    wanted = _by_hand(trained.steps[: STEPS * (1 + int(history["val_auc"].idxmax()))])
    for found, mean in zip(best.trainable_weights, wanted, strict=True):
        np.testing.assert_allclose(np.asarray(found), mean, rtol=1e-5, atol=1e-7)
        assert np.asarray(found).any(), "a gate's kernel starts at zero"


def test_the_scores_of_an_epoch_are_those_of_the_average(trained: Trained) -> None:
    history = pd.read_csv(trained.run.path / "history.csv")
    row = history.loc[history["val_auc"].idxmax()]
    table = score(load_best(trained.run), load_data(trained.run.config), "val")
    labels = table["label"].to_numpy(int)
    auc = roc_auc_score(labels, table["probability"])
    assert row["val_auc"] == pytest.approx(auc, abs=1e-12)
    assert row["val_loss"] == pytest.approx(log_loss(labels, table["probability"]))


def test_the_weights_that_train_are_those_of_a_run_without_average(
    trained: Trained, store_dir: Path, tmp_path: Path
) -> None:
    plain = _train(tmp_path / "run", store_dir)
    for step, own in zip(trained.steps, plain.steps, strict=True):
        for found, wanted in zip(step, own, strict=True):
            np.testing.assert_array_equal(found, wanted)
    # The checkpoint has the same, and one average of each trainable weight more.
    with_average, without = _variables(trained.run), _variables(plain.run)
    assert len(with_average) == len(without) + len(plain.steps[0])
    weights = len(load_best(plain.run).variables)
    for found, wanted in zip(with_average[:weights], without, strict=False):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "adamw", "weight_decay": 0.1, "label_smoothing": 0.1},
        {"optimizer": "sgd", "precision": "mixed_float16"},
    ],
    ids=["adamw", "sgd in mixed_float16"],
)
@pytest.mark.slow
def test_an_interrupted_run_ends_as_the_unbroken_one(
    store_dir: Path,
    tiny_model: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
) -> None:
    settings = {**settings, "ema": EMA, "epochs": 3}
    whole = _train(tmp_path / "whole", store_dir, **settings)
    savez = np.savez

    def interrupted(path: Path, *arrays: np.ndarray) -> None:
        if "00002" in str(path):
            raise KeyboardInterrupt
        savez(path, *arrays)

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", interrupted)
        _train(tmp_path / "broken", store_dir, **settings)
    kept = load_best(Run.open(tmp_path / "broken"))
    broken = _train(tmp_path / "broken", store_dir, resume=True, **settings)
    assert len(broken.steps) == 2 * STEPS
    for found, wanted in zip(
        _variables(broken.run), _variables(whole.run), strict=True
    ):
        np.testing.assert_array_equal(found, wanted)
    histories = [(r.run.path / "history.csv").read_text() for r in (broken, whole)]
    assert histories[0] == histories[1]
    ends = [weights_of(load_best(each.run)) for each in (broken, whole)]
    for found, wanted in zip(*ends, strict=True):
        np.testing.assert_array_equal(found, wanted)
    for found, mean in zip(
        kept.trainable_weights, _by_hand(whole.steps[:STEPS]), strict=True
    ):
        np.testing.assert_allclose(np.asarray(found), mean, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("options", [{}, {"use_ema": True}], ids=["none", "no step"])
def test_without_an_average_nothing_changes(options: dict[str, Any]) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(FusedAdam(**options), "mse")
    model.optimizer.build(model.trainable_variables)
    before = weights_of(model)
    with averaged(model):
        for found, wanted in zip(weights_of(model), before, strict=True):
            np.testing.assert_array_equal(found, wanted)
