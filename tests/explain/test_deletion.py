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


def test_the_curve_falls_where_the_heat_is_right(quarter):
    # Each eighth of the area is half of what is bright.
    for heat, curve, area in (
        (quarter, [1, 0.5, 0, 0, 0, 0, 0, 0, 0], 0.125),
        (1 - quarter, [1, 1, 1, 1, 1, 1, 1, 0.5, 0], 0.875),
    ):
        found = deletion_curves(_bright, quarter, heat, steps=8, fill="mean")
        assert np.allclose(found, [curve])
        assert deletion_areas(found) == pytest.approx(area)


def test_random_and_equal_heat_fall_along_the_diagonal(quarter):
    rois = quarter.repeat(200, axis=0)
    for heat in (random_heat(rois.shape, cell=1), np.zeros(rois.shape)):
        curves = deletion_curves(_bright, rois, heat, steps=8, fill="mean")
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
