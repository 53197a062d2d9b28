from __future__ import annotations

import numpy as np
import pytest

from keras_wa.phantom.dust import draw_dust


def canvas(shape, pixel_mm, seed):
    total = np.zeros(shape)
    count = 0
    for place, speck in draw_dust(shape, pixel_mm, np.random.default_rng(seed)):
        assert total[place].shape == speck.shape
        total[place] += speck
        count += 1
    return total, count


def test_a_square_centimetre_has_one_speck_on_average():
    counts = [canvas((200, 100), 0.1, seed)[1] for seed in range(400)]

    assert np.mean(counts) == pytest.approx(2, abs=3 * np.sqrt(2 / 400))


def test_specks_are_bright_and_small():
    total, count = canvas((1000, 1000), 0.046, 0)

    assert count > 5
    assert total.min() == 0
    assert total.max() > 10
    # Discs of at most 0.13 mm, blurred over a pixel.
    assert (total > 0).sum() <= count * np.pi * (0.13 / 0.046 + 1) ** 2


def test_larger_pixels_dim_what_is_smaller():
    fine = np.mean([canvas((400, 400), 0.05, seed)[0].sum() for seed in range(30)])
    coarse = np.mean([canvas((50, 50), 0.4, seed)[0].sum() for seed in range(30)])

    # The same brightness in all, over pixels 64 times as large.
    assert coarse * 64 == pytest.approx(fine, rel=0.15)
