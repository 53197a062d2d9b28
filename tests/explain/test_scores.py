"""Scores of heat maps, worked by hand, and at chance for what knows nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from keras_wa.explain.deletion import random_heat
from keras_wa.explain.scores import (
    as_heat,
    energy_in_mask,
    grown,
    mask_share,
    mean_interval,
    pointing_game,
    rank_correlation,
)

MASK = np.zeros((1, 4, 4), bool)
MASK[0, 1:3, 1:3] = True


def _heat(**pixels: float) -> np.ndarray:
    """A 4x4 map; `r1c2=3` sets row 1, column 2."""
    heat = np.zeros((1, 4, 4))
    for name, value in pixels.items():
        heat[0, int(name[1]), int(name[3])] = value
    return heat


def test_what_is_in_the_mask_counts():
    # Of several hottest pixels their part in the mask, of the heat its share there.
    assert pointing_game(_heat(r1c1=2, r0c0=1), MASK) == 1
    assert pointing_game(_heat(r1c1=1, r0c0=2), MASK) == 0
    assert pointing_game(_heat(r1c1=2, r0c0=2, r3c3=2, r2c2=2), MASK) == 0.5
    assert energy_in_mask(_heat(r1c1=3, r2c2=3, r0c0=2), MASK) == 0.75


def test_evidence_against_is_cut_off_and_the_highest_becomes_one():
    none = [[-1.0, -1.0], [0.0, -2.0]]
    heat = as_heat([[[-3.0, 1.0], [2.0, 4.0]], [[0.0, 0.01], [0.0, -1.0]], none])
    assert heat.dtype == np.float32
    assert heat.tolist() == [[[0, 0.25], [0.5, 1]], [[0, 1], [0, 0]], [[0, 0], [0, 0]]]


def test_the_tolerance_is_a_distance():
    heat = _heat(r0c0=1)  # The square root of 2 away.
    assert pointing_game(heat, MASK, tolerance=1.4) == 0
    assert pointing_game(heat, MASK, tolerance=1.5) == 1
    # With 1 px, the corners alone are out of reach.
    assert grown(MASK, 1).sum() == 12
    assert mask_share(MASK, 1) == 12 / 16


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_even_heat_scores_as_chance(value):
    heat = np.full((1, 4, 4), value)
    assert mask_share(MASK) == 0.25
    assert pointing_game(heat, MASK) == 0.25
    assert energy_in_mask(heat, MASK) == pytest.approx(0.25)


def test_random_heat_scores_as_chance():
    rng = np.random.default_rng(1)
    masks = rng.random((2000, 16, 16)) < rng.uniform(0.05, 0.4, (2000, 1, 1))
    masks[:, 0, 0] = True
    heat = random_heat((2000, 16, 16), cell=4, seed=2)
    chance = mask_share(masks)
    for scores in (pointing_game(heat, masks), energy_in_mask(heat, masks)):
        error = (scores - chance).std() / math.sqrt(len(scores))
        assert abs((scores - chance).mean()) < 3 * error


@pytest.mark.parametrize("score", [pointing_game, energy_in_mask])
def test_an_empty_mask_and_another_size_are_refused(score):
    with pytest.raises(ValueError, match="Each mask must have a pixel"):
        score(np.ones((1, 4, 4)), np.zeros((1, 4, 4), bool))
    with pytest.raises(ValueError, match=r"Received: \(1, 4, 5\) and bool \(1, 4, 4\)"):
        score(np.ones((1, 4, 5)), MASK)


def test_the_rank_correlation_is_spearmans_within_each_roi():
    rng = np.random.default_rng(0)
    first = rng.random((3, 5, 5))
    second = np.stack([np.exp(first[0]), -first[1], rng.random((5, 5))])
    found = rank_correlation(first, second)
    assert found[:2] == pytest.approx([1, -1])
    ranks = [stats.rankdata(each[2].ravel()) for each in (first, second)]
    assert found[2] == pytest.approx(np.corrcoef(*ranks)[0, 1])
    assert np.isnan(rank_correlation(first[:1], np.zeros((1, 5, 5)))), "an even map"


def test_the_interval_of_a_mean_is_scipys_for_single_roi_patients():
    values = np.random.default_rng(0).gamma(2.0, size=60)
    interval = mean_interval(values, np.arange(60), n_resamples=20_000)
    reference = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile"
    ).confidence_interval
    assert interval.value == pytest.approx(values.mean())
    width = reference.high - reference.low
    assert interval.low == pytest.approx(reference.low, abs=0.03 * width)
    assert interval.high == pytest.approx(reference.high, abs=0.03 * width)


def test_rois_of_one_patient_are_drawn_together():
    # 25 equal ROIs a patient carry no more information than one.
    values = np.random.default_rng(0).random(20)
    one = mean_interval(values, np.arange(20))
    many = mean_interval(values.repeat(25), np.arange(20).repeat(25))
    assert (many.low, many.high) == pytest.approx((one.low, one.high))


def test_what_is_undefined_is_left_out():
    interval = mean_interval([1.0, math.nan, 3.0, 2.0], ["a", "b", "c", "c"])
    assert interval.value == 2
    assert 1 <= interval.low < interval.high <= 2.5
    alone = mean_interval([1.0, 2.0], ["a", "a"])
    assert alone.value == 1.5
    assert math.isnan(alone.low)
    assert math.isnan(mean_interval([math.nan], ["a"]).value)
