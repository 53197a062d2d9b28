"""Runs beside one another: on the same pixels, with what each has to say."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from keras_wa.errors import UserError
from keras_wa.evaluate.compare.run_results import RunResult, by_lesion
from keras_wa.evaluate.compare.summary import summarise
from keras_wa.metrics import apply_temperature, auc
from keras_wa.training.config import TrainConfig


def result(seed: int, **changes: object) -> RunResult:
    rng = np.random.default_rng(seed)
    predictions = pd.DataFrame(
        {
            "roi_id": [f"r{i:02d}" for i in range(24)],
            "patient_id": [f"p{i // 2:02d}" for i in range(24)],
            "label": np.arange(24) // 2 % 2,
            "probability": rng.random(24),
            "threshold": 0.5,
        }
    )
    predictions["calibrated"] = apply_temperature(predictions["probability"], 1 + seed)
    plain = RunResult(
        path=Path(f"run{seed}"),
        config=TrainConfig(dataset="folder", seed=seed, weights="none"),
        split_hash="0" * 12,
        split_origin="drawn by patient (seed 0)",
        pixels_hash="a" * 12,
        predictions=predictions,
        history=pd.DataFrame(),
        notes=["a phantom"],
        hardware="a GPU",
    )
    return dataclasses.replace(plain, **changes)


def test_the_notes_are_those_of_every_run():
    systems = {
        "plain": [result(0), result(1, notes=["a phantom", "one"])],
        "other": [result(2, notes=["two"])],
    }
    record = summarise(systems, "plain", resamples=5, progress=False)
    assert record["notes"] == ["a phantom", "one", "two"]
    assert record["split_origin"] == "drawn by patient (seed 0)"


def test_an_roi_whose_lesion_is_unknown_is_a_separate_lesion():
    place = {"breast": "LEFT", "lesion": ["1", "1", "", ""] * 6}
    one = result(0)
    one = dataclasses.replace(one, predictions=one.predictions.assign(**place))
    # A run of two views has named them.
    named = [number or f"ROI r{i:02d}" for i, number in enumerate(place["lesion"])]
    two = dataclasses.replace(one, predictions=one.predictions.assign(lesion=named))
    found = [by_lesion(run).predictions for run in (one, two)]
    pd.testing.assert_frame_equal(*found)
    assert found[0]["n_rois"].tolist() == [2, 1, 1] * 6
    rois = one.predictions.set_index("roi_id")["probability"]
    by_name = found[0].set_index("roi_id")["probability"]
    assert by_name["p01_LEFT_ROI r03"] == rois["r03"]
    assert by_name["p00_LEFT_1"] == rois[["r00", "r01"]].max()
    absent = one.predictions.assign(breast="")
    assert by_lesion(dataclasses.replace(one, predictions=absent)) is None


def test_systems_that_start_from_other_weights_are_named():
    other = TrainConfig(dataset="folder", weights="imagenet")
    systems = {"a": [result(0)], "b": [result(1, config=other)]}
    record = summarise(systems, "a", resamples=5, progress=False)
    assert (
        "The runs do not start from the same weights: a from none, b from imagenet."
        in record["warnings"]
    )


@pytest.mark.parametrize("dataset", ["folder", "phantom"])
def test_rois_of_another_size_have_pixels_of_their_own(dataset):
    own = TrainConfig(dataset=dataset, weights="none")
    larger = dataclasses.replace(own, image_size=448)
    systems = {
        "plain": [result(0, config=own)],
        "larger": [result(1, pixels_hash="b" * 12, config=larger)],
    }
    record = summarise(systems, "plain", resamples=5, progress=False)
    assert record["n_rois"] == 24
    warned = any("share patients and labels" in each for each in record["warnings"])
    assert warned == (dataset == "phantom")


def test_runs_that_were_tested_on_other_pixels_are_refused():
    systems = {"plain": [result(0), result(1, pixels_hash="b" * 12)]}
    with pytest.raises(
        UserError, match="run1 was tested on different images than run0"
    ):
        summarise(systems, "plain", resamples=5, progress=False)
    # An older evaluation has no record of them.
    systems = {"plain": [result(0), result(1, pixels_hash=None)]}
    record = summarise(systems, "plain", resamples=5, progress=False)
    assert record["systems"][0]["seeds"] == [0, 1]


def test_the_ensemble_is_the_mean_of_the_seeds_calibrated_probabilities():
    seeds = [result(0), result(1), result(4)]
    systems = {"plain": seeds, "single": [result(2)]}
    record = summarise(systems, "plain", resamples=200, progress=False)
    plain, single = record["systems"]
    assert single["ensemble"] is None
    found = plain["ensemble"]
    table = seeds[0].predictions
    mean = np.mean([each.predictions["calibrated"] for each in seeds], axis=0)
    value = auc(table["label"], mean).value
    assert found["auc"]["value"] == pytest.approx(value)
    assert found["auc"]["low"] < value < found["auc"]["high"]
    difference = found["difference"]
    mean_of_seeds = plain["metrics"]["auc"]["mean"]
    assert difference["value"] == pytest.approx(value - mean_of_seeds)
    assert difference["low"] < difference["value"] < difference["high"]
    assert (difference["p_value"] < 0.05) == (difference["low"] > 0)


def test_equal_seeds_make_an_ensemble_without_a_difference():
    same = result(3)
    config = dataclasses.replace(same.config, seed=4)
    other = dataclasses.replace(same, path=Path("again"), config=config)
    record = summarise({"plain": [same, other]}, "plain", resamples=20, progress=False)
    difference = record["systems"][0]["ensemble"]["difference"]
    assert difference["value"] == pytest.approx(0, abs=1e-12)
    assert difference["p_value"] == pytest.approx(1)


def test_a_seed_without_a_temperature_makes_no_ensemble():
    bare = result(1)
    bare.predictions["calibrated"] = np.nan
    record = summarise({"plain": [result(0), bare]}, "plain", 20, progress=False)
    assert record["systems"][0]["ensemble"] is None
