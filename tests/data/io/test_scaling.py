"""Scaling uses the range of the format and rounds to the nearest level."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest

from keras_wa.data.io.scaling import scale_to_uint8


@pytest.mark.parametrize("maximum", [1, 100, 255, 1023, 4095, 65535])
def test_every_value_goes_to_the_nearest_level(maximum):
    values = np.arange(maximum + 1, dtype=np.uint16)
    scaled = scale_to_uint8(values, 0, maximum)
    exact = [
        Fraction(255 * int(value), maximum) for value in values[:: maximum // 50 + 1]
    ]
    for level, want in zip(scaled[:: maximum // 50 + 1], exact, strict=True):
        assert abs(int(level) - want) <= Fraction(1, 2)


def test_values_outside_the_range_are_clipped():
    values = np.array([-7.0, 0.0, 5.0, 10.0, 99.0])
    np.testing.assert_array_equal(scale_to_uint8(values, 0, 10), [0, 0, 128, 255, 255])


def test_an_empty_range_is_a_programming_mistake():
    with pytest.raises(ValueError, match="high must be above low"):
        scale_to_uint8(np.zeros(3), 4, 4)


@pytest.mark.parametrize(("low", "high"), [(0, 65535), (100, 4095), (-5, 70000)])
def test_a_large_image_gets_the_levels_of_a_small_one(low, high):
    values = np.random.default_rng(0).integers(0, 2**16, (300, 300), "uint16")
    parts = [scale_to_uint8(row, low, high) for row in values]
    np.testing.assert_array_equal(scale_to_uint8(values, low, high), parts)


def test_either_byte_order_takes_little_memory():
    values = np.random.default_rng(0).integers(0, 2**16, (1000, 1000), "uint16")
    wanted = scale_to_uint8(values, 0, 65535)
    for order in "<>":
        stored = values.astype(f"{order}u2")
        tracemalloc.start()
        found = scale_to_uint8(stored, 0, 65535)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        np.testing.assert_array_equal(found, wanted)
        assert most < 4 * values.size, "as float64 it would be eight"
