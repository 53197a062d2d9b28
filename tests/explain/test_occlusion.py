"""Occlusion of networks whose answer to a hidden patch is known."""

from __future__ import annotations

import numpy as np
import pytest

from keras_wa.errors import UserError
from keras_wa.explain.model_inputs import roi_probability
from keras_wa.explain.occlusion import occlusion_maps
from keras_wa.explain.scores import as_heat, pointing_game
from tests.explain.networks import spot_network, spots


def _corner(rois: np.ndarray) -> np.ndarray:
    """A network that looks at the top left 4x4 pixels alone."""
    return rois[:, :4, :4].mean(axis=(1, 2)).astype(np.float64)


def test_a_network_that_looks_at_a_corner_is_seen_to():
    rois = np.zeros((2, 16, 16), np.float32)
    rois[:, :4, :4] = 1.0
    drops = occlusion_maps(_corner, rois, patch=4, stride=4, fill="roi")
    expected = np.zeros((16, 16))
    expected[:4, :4] = 1 - 1 / 16
    assert np.allclose(drops, expected)
    assert (pointing_game(as_heat(drops), np.stack([expected > 0] * 2)) == 1).all()


def test_a_pixels_value_is_the_mean_over_the_patches_that_cover_it():
    # One row, patch 2, stride 1: p is the first pixel's value.
    roi = np.array([[[1.0, 0, 0], [1.0, 0, 0]]], np.float32)
    drops = occlusion_maps(lambda r: r[:, 0, 0].astype(float), roi, 2, 1, "local")
    # The first patch replaces the pixel by 1/2, the second leaves it.
    assert np.allclose(drops[0, 0], [0.5, 0.25, 0.0])


def test_evidence_against_the_class_is_negative():
    rois = np.zeros((1, 8, 8), np.float32)
    rois[:, :4, :4] = 1.0
    drops = occlusion_maps(lambda r: 1 - _corner(r), rois, patch=4, stride=4)
    assert np.allclose(drops, 0)  # The mean of an even patch is the patch itself.
    drops = occlusion_maps(lambda r: 1 - _corner(r), rois, 4, 4, fill="roi")
    assert np.allclose(drops[0, :4, :4], -0.75)


def test_all_rois_are_asked_for_at_once_and_are_not_changed():
    # An uneven grid still covers every pixel.
    rois = np.random.default_rng(0).random((1, 11, 13)).astype(np.float32)
    before = rois.copy()
    drops = occlusion_maps(lambda r: r.mean(axis=(1, 2)), rois, patch=4, stride=3)
    assert np.isfinite(drops).all()
    assert np.array_equal(rois, before)
    calls = []

    def probability(rois: np.ndarray) -> np.ndarray:
        calls.append(len(rois))
        return np.zeros(len(rois))

    occlusion_maps(probability, np.zeros((3, 16, 16), np.float32))
    # Patch 2 and stride 1: 15 places along each side, and the ROIs as they are.
    assert calls == [3] * (1 + 15 * 15)


def test_a_network_that_sees_bright_spots_is_seen_to():
    rois, masks = spots(10)
    drops = occlusion_maps(roi_probability(spot_network()), rois, 2, 1, "roi")
    assert pointing_game(as_heat(drops), masks).mean() == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"patch": 0}, "`patch`. Received: 0; expected 1 to 16"),
        ({"patch": 17}, "`patch`. Received: 17"),
        ({"patch": 4, "stride": 5}, "`stride`. Received: 5; expected 1 to 4"),
        ({"stride": 0}, "`stride`. Received: 0"),
        ({"fill": "rio"}, "Unknown fill. Received: 'rio'; did you mean 'roi'"),
    ],
)
def test_a_setting_out_of_range_is_named(options, expected):
    with pytest.raises(UserError, match=expected.replace(".", r"\.")):
        occlusion_maps(_corner, np.zeros((1, 16, 16), np.float32), **options)
