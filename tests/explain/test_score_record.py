"""The record puts each score beside chance and beside random networks."""

from __future__ import annotations

import json

import numpy as np
import pytest

from keras_wa.explain.deletion import random_heat
from keras_wa.explain.score_record import (
    deletion,
    format_scores,
    localisation,
    similarity,
)

N = 300
PATIENTS = np.arange(N) // 2


@pytest.fixture(scope="module")
def masks() -> np.ndarray:
    masks = np.zeros((N, 16, 16), bool)
    corners = np.random.default_rng(0).integers(0, 12, (N, 2))
    for mask, (top, left) in zip(masks, corners, strict=True):
        mask[top : top + 4, left : left + 4] = True
    return masks


@pytest.fixture(scope="module")
def random_heats() -> list[np.ndarray]:
    return [random_heat((N, 16, 16), 2, seed) for seed in (1, 2)]


def test_heat_on_the_mask_is_told_from_chance_and_random_heat_is_not(
    masks, random_heats
):
    record = localisation(masks.astype(np.float32), random_heats, masks, PATIENTS)
    assert record["n_rois"] == N
    assert record["n_patients"] == N // 2
    for name in ("pointing_game", "energy_in_mask"):
        cells = record[name]
        assert cells["trained"] == {"value": 1, "low": 1, "high": 1}
        assert cells["chance"]["value"] == pytest.approx(1 / 16)
        assert cells["trained_minus_chance"]["low"] > 0.9
        assert cells["trained_minus_random"]["low"] > 0.8
        at_chance = cells["random_minus_chance"]
        assert at_chance["low"] < 0 < at_chance["high"]


def test_an_roi_counts_with_its_mean_over_the_random_networks(masks):
    heat = masks.astype(np.float32)
    record = localisation(heat, [heat, 1 - heat], masks, PATIENTS)
    assert record["pointing_game"]["random"]["value"] == 0.5


def test_the_tolerance_raises_chance_too(masks):
    record = localisation(masks.astype(np.float32), [], masks, PATIENTS, tolerance=2)
    assert record["tolerance_px"] == 2
    assert record["pointing_game"]["chance"]["value"] > 2 / 16
    assert record["energy_in_mask"]["chance"]["value"] == pytest.approx(1 / 16)
    assert "random" not in record["pointing_game"]


def test_heat_that_is_always_in_the_middle_beats_chance_but_not_other_rois():
    rng = np.random.default_rng(3)
    masks = np.zeros((N, 16, 16), bool)
    for mask, (top, left) in zip(masks, rng.integers(3, 8, (N, 2)), strict=True):
        mask[top : top + 5, left : left + 5] = True
    heat = rng.random((N, 16, 16)).astype(np.float32) / 10
    heat[:, 6:9, 6:9] += rng.random((N, 3, 3)).astype(np.float32)
    record = localisation(heat, [], masks, PATIENTS)
    own = localisation(masks.astype(np.float32), [], masks, PATIENTS)
    for name in ("pointing_game", "energy_in_mask"):
        assert record[name]["trained_minus_chance"]["low"] > 0.05
        difference = record[name]["trained_minus_other_rois"]
        assert difference["low"] < 0 < difference["high"]
        assert own[name]["trained_minus_other_rois"]["low"] > 0.2


def test_a_single_roi_has_no_others(masks):
    record = localisation(masks[:1].astype(np.float32), [], masks[:1], ["a"])
    assert "other_rois" not in record["pointing_game"]
    assert record["pointing_game"]["trained"] == {
        "value": 1.0,
        "low": None,
        "high": None,
    }


def test_maps_of_random_networks_are_compared_by_rank(random_heats):
    heat = random_heat((N, 16, 16), 2, seed=9)
    record = similarity(heat, random_heats, PATIENTS)
    assert record["spearman"]["low"] < 0 < record["spearman"]["high"]
    same = similarity(heat, [heat**2, np.zeros_like(heat)], PATIENTS)
    assert same["spearman"]["value"] == pytest.approx(1)
    assert same["n_undefined"] == N
    assert same["networks"] == 2


def test_deletion_is_also_told_of_the_malignant_alone():
    # Straight lines: the area is the mean of both ends.
    curves = np.array([[0.2, 0.0], [0.4, 0.0], [1.0, 0.2]])
    at_random = np.array([[0.2, 0.0], [0.4, 0.8], [1.0, 0.6]])
    record = deletion(curves, at_random, [0, 1, 1], ["a", "b", "c"])
    assert record["all"]["heat"]["value"] == pytest.approx(0.3)
    assert record["malignant"]["heat"]["value"] == pytest.approx(0.4)
    assert record["malignant"]["heat_minus_random"]["value"] == pytest.approx(-0.3)
    assert record["malignant"]["before"]["value"] == pytest.approx(0.7)
    assert record["malignant"]["all_removed"]["value"] == pytest.approx(0.1)
    assert "malignant" not in deletion(curves, at_random, [0, 0, 0], ["a", "b", "c"])


def test_what_is_undefined_is_null_in_json():
    # Of a single patient there is no interval.
    maps = np.random.default_rng(0).random((3, 8, 8), np.float32)
    record = similarity(maps, [maps], np.zeros(3))["spearman"]
    assert json.loads(json.dumps(record, allow_nan=False)) == {
        "value": pytest.approx(1.0),
        "low": None,
        "high": None,
    }


def test_the_terminal_shows_the_scores_beside_chance(masks, random_heats):
    heat = masks.astype(np.float32)
    curves = np.array([[1.0, 0.0]])
    results = {
        "method": "gradcam",
        "n_rois": N,
        "n_patients": N // 2,
        "localisation": {"all": localisation(heat, [], masks, PATIENTS)},
        "deletion": deletion(curves, np.array([[1.0, 0.5]]), [1], ["a"]),
        "randomisation": similarity(heat, random_heats, PATIENTS),
    }
    lines = format_scores(results).splitlines()
    assert lines[0].startswith("gradcam, 300 ROIs of 150 patients")
    expected = "trained 1.000 [1.000, 1.000], other rois 0."
    assert lines[1].startswith(f"{'pointing game, all':<26}{expected}")
    assert ", chance 0.062 [" in lines[1]
    assert "random order 0.750, before" in lines[4]
    without = {**results, "localisation": None, "randomisation": None}
    assert len(format_scores(without).splitlines()) == 3
