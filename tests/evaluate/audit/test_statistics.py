from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from keras_wa.evaluate.audit.statistics import GREY_LEVELS, check_statistics
from keras_wa.metrics.baselines import single_feature_aucs
from tests.evaluate.audit.tables import pictures, scores_of, table
from tests.evaluate.audit.test_same_images import pixels_of


def brighter(cases, by):
    images = pictures(len(cases), size=32)
    ones = cases["label"].to_numpy(int) == 1
    images[ones] = np.clip(images[ones].astype(int) + by, 1, 255)
    return images


def with_sizes(pixels, **columns):
    return dataclasses.replace(pixels, sizes=pixels.sizes.assign(**columns))


def test_the_scores_are_those_of_the_evaluation():
    cases = table(80)
    images = brighter(cases, 6)
    scores = scores_of(check_statistics(cases, pixels_of(images), 50, 3))
    train = (cases["split"] == "train").to_numpy()
    expected = single_feature_aucs(
        images[train],
        cases["label"][train],
        images[~train],
        cases["label"][~train],
        cases["patient_id"][~train],
        n_resamples=50,
        seed=3,
    )
    assert set(scores) == set(GREY_LEVELS.values())
    for name, interval in expected.items():
        auc = scores[GREY_LEVELS[name]].auc
        assert auc.value == interval.value
        assert (auc.low, auc.high) == (interval.low, interval.high)


def test_brightness_is_a_strong_shortcut():
    cases = table(120)
    finding = check_statistics(cases, pixels_of(brighter(cases, 60)), 100)
    assert finding.verdict == "warning"
    assert "grey levels is a strong shortcut" in finding.sentence
    assert "mean grey level with AUC" in finding.sentence
    assert "`crop='fixed'`" not in finding.advice


def test_a_direction_that_does_not_hold_on_test_is_no_shortcut():
    cases = table(120)
    test = (cases["split"] == "test").to_numpy()
    images = brighter(cases, 60)
    labels = cases["label"].to_numpy(int)
    images[test] = pictures(int(test.sum()), size=32, seed=5)
    darker = test & (labels == 1)
    images[darker] = np.clip(images[darker].astype(int) - 60, 1, 255)
    finding = check_statistics(cases, pixels_of(images), 100)
    assert scores_of(finding)["mean grey level"].auc.value < 0.2
    assert "mean grey level" not in finding.sentence


@pytest.mark.parametrize("seed", range(3))
def test_images_at_random_are_fine(seed):
    finding = check_statistics(table(200), pixels_of(pictures(200, seed, 32)), 100)
    assert finding.verdict == "ok"


def test_the_size_of_a_crop_that_tells_its_label_is_a_warning():
    cases = table(120)
    heights = 100 + 40 * cases["label"].to_numpy(float) + np.arange(120) % 30
    pixels = with_sizes(pixels_of(pictures(120, size=32)), height=heights)
    finding = check_statistics(cases, pixels, 100)
    assert finding.verdict == "warning"
    assert "size of the source" in finding.sentence
    assert "`crop='fixed'`" in finding.advice
    assert "width of the source" not in scores_of(finding)


def test_sizes_that_are_not_known_are_not_scored():
    values = np.arange(80.0)
    values[3] = np.nan
    pixels = with_sizes(pixels_of(pictures(80, size=32)), bytes=values)
    assert "size of the file" not in scores_of(check_statistics(table(80), pixels, 20))


def test_without_a_test_part_nothing_is_scored():
    cases = table(40, split=["train"] * 40)
    finding = check_statistics(cases, pixels_of(pictures(40, size=32)), 20)
    assert finding.verdict == "not done"
