from __future__ import annotations

import statistics

import numpy as np
import pytest

from keras_wa.metrics import baselines
from keras_wa.metrics.baselines import (
    single_feature_aucs,
    single_feature_statistics,
    statistics_of_one,
)

NAMES = ["mean", "standard_deviation", "maximum", "max_minus_median"]


def noise(seed, n=24, size=8):
    return np.random.default_rng(seed).integers(
        60, 180, size=(n, size, size + 1), dtype=np.uint8
    )


def test_statistics_equal_those_of_the_standard_library():
    images = noise(0, n=5)
    images[0] = 255  # Which must not overflow.
    table = single_feature_statistics(images)
    assert list(table.columns) == NAMES
    assert [statistics_of_one(each) for each in images] == table.to_dict("records")
    for image, row in zip(images, table.itertuples(), strict=True):
        pixels = [int(pixel) for pixel in image.ravel()]
        assert row.mean == pytest.approx(statistics.fmean(pixels))
        assert row.standard_deviation == pytest.approx(statistics.pstdev(pixels))
        assert row.maximum == max(pixels)
        assert row.max_minus_median == max(pixels) - statistics.median(pixels)


@pytest.mark.parametrize("pixels", [1, 3 * 8 * 9])
def test_a_memory_map_in_blocks_has_the_same_statistics(tmp_path, monkeypatch, pixels):
    images = noise(1, n=10)
    whole = single_feature_statistics(images)
    np.save(tmp_path / "images.npy", images)
    monkeypatch.setattr(baselines, "_PIXELS", pixels)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert single_feature_statistics(mapped).equals(whole)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 4, 4), np.float32),
        np.zeros((2, 4, 4, 1), np.uint8),
        np.zeros((0, 4, 4), np.uint8),
    ],
)
def test_other_than_uint8_of_rank_3_is_refused(images):
    with pytest.raises(ValueError, match="must be uint8 of shape"):
        single_feature_statistics(images)


def test_a_bright_spot_shows_in_the_maximum_and_not_in_the_mean():
    labels = np.arange(200) % 2
    train, test = noise(3, n=200), noise(4, n=200)
    for images in (train, test):
        images[labels == 1, 4, 4] = 200
    aucs = single_feature_aucs(train, labels, test, labels, np.arange(200))
    assert aucs["maximum"].value == 1
    assert aucs["max_minus_median"].value > 0.95
    assert aucs["mean"].value < 0.7


@pytest.mark.parametrize(("test_sign", "expected"), [(1, 1.0), (-1, 0.0)])
@pytest.mark.parametrize("shift", [-30, 30])
def test_the_direction_of_train_is_kept_on_test(shift, test_sign, expected):
    labels = np.arange(24) % 2
    train, test = noise(6).astype(int), noise(7).astype(int)
    train[labels == 1] += shift
    test[labels == 1] += test_sign * shift
    aucs = single_feature_aucs(
        train.astype(np.uint8),
        labels,
        test.astype(np.uint8),
        labels,
        np.arange(24) // 2,
        n_resamples=100,
    )
    assert list(aucs) == NAMES
    assert aucs["mean"].value == expected
    assert aucs["mean"].low == aucs["mean"].high == expected


def test_noise_stays_within_an_interval_around_chance():
    labels = np.arange(120) % 2
    aucs = single_feature_aucs(
        noise(8, n=120),
        labels,
        noise(9, n=120),
        labels,
        np.arange(120),
        confidence=0.999,  # four statistics: at 95 % one in five runs would miss
    )
    for interval in aucs.values():
        assert interval.low < 0.5 < interval.high
        assert interval.low < interval.value < interval.high


def test_training_labels_of_one_class_are_refused():
    with pytest.raises(ValueError, match="train_labels must hold both classes"):
        single_feature_aucs(
            noise(10), np.zeros(24), noise(11), np.arange(24) % 2, np.arange(24)
        )
