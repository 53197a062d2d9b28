"""Deletion curves of probabilities that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from keras_wa.errors import UserError
from keras_wa.explain.deletion import deletion_areas, deletion_curves, random_heat
from keras_wa.explain.model_inputs import roi_probability
from tests.explain.networks import spot_network, spots


def _bright(rois: np.ndarray) -> np.ndarray:
    """The part of the pixels above one half, times four: a quarter bright is p = 1."""
    return 4.0 * (rois > 0.5).mean(axis=(1, 2))


@pytest.fixture
def quarter() -> np.ndarray:
    rois = np.zeros((1, 8, 8), np.float32)
    rois[:, :4, :4] = 1.0
    return rois


def test_the_curve_of_perfect_heat_is_a_steep_triangle(quarter):
    curves = deletion_curves(_bright, quarter, quarter, steps=8, fill="mean")
    # Each eighth of the area is half of what is bright.
    assert np.allclose(curves, [[1, 0.5, 0, 0, 0, 0, 0, 0, 0]])
    assert deletion_areas(curves) == pytest.approx(0.125)


def test_the_curve_of_heat_on_the_wrong_place_stays_high(quarter):
    curves = deletion_curves(_bright, quarter, 1 - quarter, steps=8, fill="mean")
    assert np.allclose(curves, [[1, 1, 1, 1, 1, 1, 1, 0.5, 0]])
    assert deletion_areas(curves) == pytest.approx(0.875)


def test_random_order_falls_along_the_diagonal(quarter):
    rois = quarter.repeat(200, axis=0)
    heat = random_heat(rois.shape, cell=1)
    curves = deletion_curves(_bright, rois, heat, steps=8, fill="mean")
    assert np.allclose(curves.mean(axis=0), np.linspace(1, 0, 9), atol=0.02)


def test_equal_heat_is_removed_in_no_order(quarter):
    rois = quarter.repeat(200, axis=0)
    curves = deletion_curves(_bright, rois, np.zeros(rois.shape), steps=8, fill="mean")
    assert np.allclose(curves.mean(axis=0), np.linspace(1, 0, 9), atol=0.02)


def test_a_network_loses_what_it_sees_first_by_its_own_heat():
    rois, masks = spots(20)
    probability = roi_probability(spot_network())
    heat = masks.astype(np.float32)
    areas = [
        deletion_areas(deletion_curves(probability, rois, order))
        for order in (heat, random_heat(rois.shape, 2))
    ]
    assert (areas[0] < areas[1]).mean() > 0.9


def test_all_is_blurred_at_the_end(quarter):
    seen = []

    def probability(rois: np.ndarray) -> np.ndarray:
        seen.append(rois.copy())
        return np.zeros(len(rois))

    deletion_curves(probability, quarter, quarter, steps=2)
    assert np.array_equal(seen[0], quarter)
    expected = ndimage.gaussian_filter(quarter[0], 0.5)
    assert np.allclose(seen[-1][0], expected, atol=1e-6)


def test_random_heat_comes_in_cells_and_from_a_seed():
    heat = random_heat((2, 5, 7), cell=3, seed=1)
    assert heat.shape == (2, 5, 7)
    assert np.ptp(heat[0, :3, :3]) == 0
    assert len(np.unique(heat[0])) == 2 * 3
    assert np.array_equal(heat, random_heat((2, 5, 7), cell=3, seed=1))
    assert not np.array_equal(heat, random_heat((2, 5, 7), cell=3, seed=2))


def test_an_unknown_fill_is_named(quarter):
    with pytest.raises(UserError, match="Received: 'blurr'; did you mean 'blur'"):
        deletion_curves(_bright, quarter, quarter, fill="blurr")
