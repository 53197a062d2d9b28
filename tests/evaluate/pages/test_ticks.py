"""Ticks are round, reach all numbers, and are written alike."""

from __future__ import annotations

import numpy as np
import pytest

from keras_wa.evaluate.pages.ticks import round_numbers


@pytest.mark.parametrize(
    ("numbers", "texts"),
    [
        ([0.27, 1.0], ["0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1.0"]),
        ([0, 40], ["0", "5", "10", "15", "20", "25", "30", "35", "40"]),
        ([-0.02, np.nan, 0.03], ["-0.02", "-0.01", "0.00", "0.01", "0.02", "0.03"]),
        ([0.5], ["0.47", "0.48", "0.49", "0.50", "0.51", "0.52", "0.53"]),
        ([0.5, 0.5 + 6e-8], ["0.47", "0.48", "0.49", "0.50", "0.51", "0.52", "0.53"]),
    ],
)
def test_they_are_round_and_have_as_many_decimals(numbers, texts):
    ticks = round_numbers(numbers, 8)
    assert [text for _, text in ticks] == texts
    assert [place for place, _ in ticks] == [float(text) for text in texts]


def test_they_reach_beyond_all_numbers():
    rng = np.random.default_rng(0)
    for scale in 10.0 ** np.arange(-4, 5):
        numbers = scale * rng.normal(size=9)
        places = [place for place, _ in round_numbers(numbers, 5)]
        assert places[0] <= numbers.min()
        assert places[-1] >= numbers.max()
        assert 2 <= len(places) <= 8


def test_given_ends_are_kept():
    assert [p for p, _ in round_numbers([], 5, (0, 0.35))] == [0, 0.1, 0.2, 0.3]
