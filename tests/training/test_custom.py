"""A program passes its own optimizer, loss, metrics and callbacks to the training."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from keras_wa.errors import UserError
from keras_wa.evaluate.compare.systems import systems_of
from keras_wa.evaluate.report.evaluate_run import evaluate_run
from keras_wa.training.config import TrainConfig
from keras_wa.training.data import load_data
from keras_wa.training.fingerprint import fingerprint
from keras_wa.training.fit import train
from keras_wa.training.run import Run
from tests.cli.failing import error_of
from tests.tiny_model import SETTINGS


class Seen(keras.callbacks.Callback):
    """Notes the logs of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.logs: list[dict[str, Any]] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.logs.append(dict(logs))


def _run(tmp_path: Path, store_dir: Path, **changes: Any) -> Run:
    settings = {**SETTINGS, "epochs": 1, "weights": "none", **changes}
    config = TrainConfig(store_dir=str(store_dir), **settings)
    return Run.create(tmp_path / "run", config)


def test_the_parts_that_are_passed_train_and_are_noted(
    tmp_path: Path,
    store_dir: Path,
    tiny_model: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run, seen = _run(tmp_path, store_dir, epochs=2), Seen()
    data = load_data(run.config, progress=False)
    parts = {
        "loss": keras.losses.CategoricalFocalCrossentropy(gamma=1.0),
        "metrics": [keras.metrics.F1Score(average="macro", name="f1")],
    }
    outcome = train(
        run,
        data,
        verbose=0,
        optimizer=keras.optimizers.SGD(0.0),
        callbacks=[seen],
        **parts,  # type: ignore[arg-type]
    )
    assert outcome.epochs == 2
    # A rate of zero changes no weight, and so nothing but what batch norm has seen.
    assert seen.logs[0]["learning_rate"] == 0.0
    assert {"f1", "val_auc", "accuracy"} <= set(seen.logs[0])
    opened = Run.open(run.path)
    custom = opened.config.custom
    assert custom["optimizer"]["config"]["learning_rate"] == 0.0
    assert custom["loss"]["config"]["gamma"] == 1.0
    assert custom["callbacks"] == [f"{__name__}.Seen"]

    plain = dataclasses.replace(opened.config, custom={})
    assert fingerprint(opened.config) != fingerprint(plain)
    first, second = systems_of([opened.config, plain])
    assert first.name.startswith("tiny:custom=optimizer")
    assert second.name == "tiny"

    # The same object, with the same parts, carries on.
    again = train(
        run,
        data,
        resume=True,
        verbose=0,
        optimizer=keras.optimizers.SGD(0.0),
        callbacks=[seen],
        **parts,  # type: ignore[arg-type]
    )
    assert again.epochs == 2
    # Neither the command line nor another optimizer may carry it on without a word.
    line = error_of(["train", "--run-dir", str(run.path), "--resume"], capsys)
    assert "was trained with callbacks=" in line
    with pytest.raises(UserError, match=r"trained with callbacks="):
        train(run, data, resume=True)
    with pytest.raises(UserError, match=r"trained with optimizer=.*Received: .*Lion"):
        train(
            opened,
            data,
            resume=True,
            optimizer=keras.optimizers.Lion(),
            callbacks=[seen],
            **parts,  # type: ignore[arg-type]
        )
    # The object of before the training reports them too.
    evaluate_run(run, n_resamples=20)
    assert "CategoricalFocalCrossentropy" in (
        run.path / "evaluation/test/report.html"
    ).read_text(encoding="utf-8")


def test_keras_own_adam_gives_the_weights_of_the_default_one(
    tmp_path: Path, store_dir: Path, tiny_model: None
) -> None:
    own = _run(tmp_path / "own", store_dir)
    default = _run(tmp_path / "default", store_dir)
    data = load_data(own.config, progress=False)
    train(own, data, verbose=0, optimizer=keras.optimizers.Adam(0.01))
    train(default, data, verbose=0)
    first, second = (
        keras.models.load_model(run.best, compile=False).get_weights()
        for run in (own, default)
    )
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


def test_a_name_is_as_good_as_an_object(
    tmp_path: Path, store_dir: Path, tiny_model: None
) -> None:
    run = _run(tmp_path, store_dir)
    data = load_data(run.config, progress=False)
    train(run, data, verbose=0, optimizer="rmsprop", loss="mse", metrics=["mae"])
    custom = json.loads((run.path / "config.json").read_text())["custom"]
    assert custom["optimizer"]["class_name"] == "RMSprop"
    assert (custom["loss"], custom["metrics"]) == ("mse", ["mae"])
