"""Runs of two views: the ROIs of a lesion give one probability."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from keras_wa.data.lesions import lesion_indices, views_note
from keras_wa.data.pipeline.batches import training_batches
from keras_wa.evaluate.levels import aggregate
from keras_wa.metrics import (
    choose_threshold,
    fit_prediction_sets,
    fit_temperature,
)
from keras_wa.training.best import load_best
from keras_wa.training.config import TrainConfig
from keras_wa.training.data import RunData, load_data
from keras_wa.training.decision import decide
from keras_wa.training.fit import train
from keras_wa.training.run import Run
from keras_wa.training.scoring import score
from tests.tiny_model import SETTINGS, weights_of

TWO = {**SETTINGS, "views": "two", "epochs": 2}


class StopAfterOneEpoch(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 0:
            raise KeyboardInterrupt


def config(store_dir: Path, **changes: Any) -> TrainConfig:
    return TrainConfig(**{**TWO, "store_dir": str(store_dir), **changes})


@pytest.fixture(scope="module")
def trained(
    store_dir: Path, tiny_model: None, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    settings = config(store_dir)
    run = Run.create(tmp_path_factory.mktemp("views") / "run", settings)
    train(run, load_data(settings, progress=False), verbose=0)
    return run


@pytest.fixture(scope="module")
def data(trained: Run) -> RunData:
    return load_data(trained.config, progress=False)


def test_the_run_holds_the_classifier_of_single_rois(trained: Run) -> None:
    assert load_best(trained).input_shape == (None, 32, 32, 1)
    assert trained.config.views == Run.open(trained.path).config.views == "two"


def test_each_roi_has_the_probability_of_its_lesion(
    trained: Run, data: RunData
) -> None:
    network = load_best(trained)
    table = score(network, data, "test")
    cases = data.cases_of("test")
    lesions = lesion_indices(cases)
    assert np.bincount(lesions).max() > 1, "no lesion in two views"
    head = network.layers[-1]
    trunk = keras.Model(network.input, head.input)
    pixels = data.part("test").read(np.arange(len(cases)))[..., None] / np.float32(255)
    features = np.asarray(trunk(pixels))
    for lesion in np.unique(lesions):
        own = lesions == lesion
        mean = features[own].mean(axis=0, keepdims=True)
        wanted = np.asarray(head(mean))[0, 1]
        np.testing.assert_allclose(table["probability"][own], wanted, atol=1e-6)


def test_validation_threshold_and_calibration_are_of_lesions(
    trained: Run, data: RunData
) -> None:
    val = score(load_best(trained), data, "val")
    history = pd.read_csv(trained.path / "history.csv")
    auc = roc_auc_score(val["label"].to_numpy(int), val["probability"])
    assert history["val_auc"].max() == pytest.approx(auc, abs=1e-12)
    lesions = lesion_indices(data.cases_of("val"))
    assert val.groupby(lesions)["probability"].nunique().eq(1).all()
    decision = decide(load_best(trained), data)
    columns = val["label"], val["probability"]
    assert decision.threshold == choose_threshold(*columns)
    assert decision.temperature == pytest.approx(fit_temperature(*columns))
    sets = fit_prediction_sets(*columns, val["patient_id"])
    assert decision.prediction_sets == sets


def test_with_one_roi_a_lesion_the_scores_are_those_of_one_view(
    trained: Run, data: RunData
) -> None:
    network = load_best(trained)
    first = ~pd.Series(lesion_indices(data.cases)).duplicated().to_numpy()
    kept = np.flatnonzero(first)
    alone = {
        views: dataclasses.replace(
            data,
            config=dataclasses.replace(data.config, views=views),
            cases=data.cases.iloc[kept].reset_index(drop=True),
            images=data.images[kept],
            raw=data.raw[kept],
        )
        for views in ("one", "two")
    }
    one, two = (score(network, alone[views], "test") for views in ("one", "two"))
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    whole = score(network, data, "test")
    assert not whole["probability"].isin(one["probability"]).all()


def test_an_roi_that_cannot_be_matched_is_a_separate_lesion(
    trained: Run, data: RunData
) -> None:
    # Without a number, and several ROIs in a view.
    cases = data.cases.assign(patient_id="p", breast="LEFT", view="CC", lesion=pd.NA)
    unmatched = dataclasses.replace(data, cases=cases)
    table = score(load_best(trained), unmatched, "test")
    level = aggregate(table, "lesion").table
    assert level is not None
    assert level["n_rois"].eq(1).all()
    assert len(level) == len(table)
    assert "the lesion is unknown" in views_note(cases)


def test_the_pairs_are_of_one_lesion_and_depend_on_seed_and_step_alone(
    data: RunData,
) -> None:
    plan = data.training_plan()
    train_rois = data.part("train")
    pixels = train_rois.read(np.arange(len(train_rois)))
    names = {image.tobytes(): i for i, image in enumerate(pixels)}
    lesions = lesion_indices(data.cases_of("train"))
    views = data.cases_of("train")["view"].to_numpy()
    pairs = []
    for step in range(plan.steps_per_epoch):
        drawn, labels, changes = plan.draw(step)
        at = np.array([names[image.tobytes()] for image in drawn]).reshape(-1, 2)
        np.testing.assert_array_equal(labels, train_rois.labels[at[:, 0]])
        changes = changes.reshape(len(at), 2, -1)
        same = at[:, 0] == at[:, 1]
        np.testing.assert_array_equal(same, (changes[:, 0] == changes[:, 1]).all(1))
        pairs.append(at)
    first, second = np.concatenate(pairs).T
    np.testing.assert_array_equal(lesions[first], lesions[second])
    others = first != second
    several = np.bincount(lesions)[lesions[first]] > 1
    assert not others[~several].any()
    assert 0.5 < others[several].mean() < 0.9, "view dropout of 0.3"
    assert (views[first] != views[second])[others].all()
    for step in (5, 0):
        for again in (dataclasses.replace(plan), data.training_plan()):
            for one, other in zip(plan.draw(step), again.draw(step), strict=True):
                np.testing.assert_array_equal(one, other)
    other_seed = dataclasses.replace(plan, seed=1)
    assert not np.array_equal(plan.draw(0)[0], other_seed.draw(0)[0])


def test_shares_of_several_processes_make_the_batch_of_one(data: RunData) -> None:
    whole = data.training_plan().draw(7)
    shares = [data.training_plan((i, 2)).draw(7) for i in range(2)]
    for one, *parts in zip(whole, *shares, strict=True):
        np.testing.assert_array_equal(one, np.concatenate(parts))


def test_the_batches_of_every_backend_are_the_same(data: RunData) -> None:
    from keras_wa.data.pipeline.keras_batches import TrainingBatches

    plan = data.training_plan()
    (first, *_), (other, *_) = (
        next(iter(training_batches(plan, 0, 1))),
        TrainingBatches(plan, 0, 1)[0],
    )
    assert first.shape == other.shape == (16, 2, 32, 32, 1)
    np.testing.assert_allclose(first, other, atol=1e-5)


def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(
    trained: Run, data: RunData, tmp_path: Path
) -> None:
    run = Run.create(tmp_path / "run", trained.config)
    stop = {"callbacks": [StopAfterOneEpoch()], "verbose": 0}
    assert train(run, data, **stop).interrupted
    outcome = train(run, data, resume=True, **stop)
    assert (outcome.epochs, outcome.interrupted) == (2, False)
    whole, resumed = (pd.read_csv(each.path / "history.csv") for each in (trained, run))
    pd.testing.assert_frame_equal(whole, resumed)
    pairs = zip(weights_of(load_best(trained)), weights_of(load_best(run)), strict=True)
    for one, other in pairs:
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_other_settings_train_on_two_views_too(
    tmp_path: Path, store_dir: Path, tiny_model: None
) -> None:
    others = {"strategy": "mirrored", "fresh_rois": True, "random_clahe": 0.5}
    own = {"dwt": "pipeline", "ema": 0.9, "precision": "mixed_bfloat16"}
    settings = config(store_dir, epochs=1, **others, **own)
    run = Run.create(tmp_path / "run", settings)
    assert train(run, load_data(settings), verbose=0).epochs == 1
    table = score(load_best(run), load_data(settings), "test")
    assert np.isfinite(table["probability"]).all()
