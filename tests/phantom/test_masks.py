from __future__ import annotations

import numpy as np
import pytest

from keras_wa.phantom.roi import MINERAL_FRACTION, mineral_mask, outline_of


def disc(size: int, row: float, column: float, radius: float) -> np.ndarray:
    rows, columns = np.indices((size, size))
    return np.hypot(rows - row, columns - column) <= radius


def test_mineral_is_what_exceeds_a_quarter_of_the_highest_contrast():
    contrast = np.zeros((5, 5))
    contrast[1, 1:4] = 8.0, 2.1, 1.9

    assert MINERAL_FRACTION == 0.25
    assert np.argwhere(mineral_mask(contrast)).tolist() == [[1, 1], [1, 2]]
    np.testing.assert_array_equal(mineral_mask(contrast), mineral_mask(3 * contrast))


def test_a_field_without_mineral_has_no_mask_and_no_outline():
    mask = mineral_mask(np.full((8, 8), 1e-17))

    assert not mask.any()
    assert not outline_of(mask, 25.6, 0.1).any()


def test_a_single_calcification_is_outlined_by_a_margin_of_1_mm():
    # 0.1 mm per pixel: a margin of 10 pixels around a disc of 5.
    found = outline_of(disc(81, 40, 40, 5), 25.6, 0.1)

    # Within half a pixel of the disc of 15 pixels, which digital distances allow.
    assert (found >= disc(81, 40, 40, 14.5)).all()
    assert (found <= disc(81, 40, 40, 15.5)).all()


@pytest.mark.parametrize(("gap_mm", "joined"), [(3.2, True), (3.8, False)])
def test_calcifications_less_than_three_and_a_half_margins_apart_share_a_region(
    gap_mm, joined
):
    mineral = np.zeros((120, 120), bool)
    mineral[60, [30, 30 + round(10 * gap_mm)]] = True
    between = outline_of(mineral, 25.6, 0.1)[60, 30 : 31 + round(10 * gap_mm)]

    assert between.all() == joined


def test_the_edge_of_the_field_does_not_shape_the_outline():
    mineral = disc(128, 64, 5, 4) | disc(128, 64, 30, 4)
    small = outline_of(mineral[44:84, :60], 25.6, 0.1)

    np.testing.assert_array_equal(small, outline_of(mineral, 25.6, 0.1)[44:84, :60])


def test_a_small_field_has_a_small_margin():
    # 0.04 of 7.5 mm: 0.3 mm, 3 pixels.
    found = outline_of(disc(41, 20, 20, 2), 7.5, 0.1)

    # The outermost pixel of the disc is in column 18.
    assert found[20, 18 - 3]
    assert not found[20, 18 - 4]


def test_the_inside_of_a_ring_is_part_of_the_region():
    ring = disc(121, 60, 60, 40) & ~disc(121, 60, 60, 38)

    assert outline_of(ring, 25.6, 0.1)[60, 60]
