"""One probability for the views of a lesion."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from keras_wa.metrics.calibration import apply_temperature
from keras_wa.metrics.fusion import fuse_views

LESIONS = np.array([7, 3, 7, 0, 3, 7])


def probabilities(classes: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return softmax(rng.normal(0, 3, (6, classes)), axis=1).astype("float32")


@pytest.mark.parametrize("classes", [2, 3])
def test_it_is_the_linear_head_on_the_mean_of_the_features(classes: int) -> None:
    rng = np.random.default_rng(1)
    features, kernel = rng.normal(size=(6, 5)), rng.normal(size=(5, classes))
    bias = rng.normal(size=classes)
    found = fuse_views(softmax(features @ kernel + bias, axis=1), LESIONS)
    for lesion in set(LESIONS):
        own = lesion == LESIONS
        wanted = softmax(features[own].mean(axis=0) @ kernel + bias)
        np.testing.assert_allclose(found[own], np.tile(wanted, (own.sum(), 1)))


def test_alone_an_roi_keeps_its_probability_to_the_last_bit() -> None:
    p = probabilities(2)
    found = fuse_views(p, np.arange(6)[::-1])
    assert found.dtype == p.dtype
    np.testing.assert_array_equal(found, p)
    np.testing.assert_array_equal(fuse_views(p, LESIONS)[3], p[3])


def test_a_temperature_can_be_applied_before_or_after() -> None:
    p = probabilities(2).astype("float64")
    after = apply_temperature(fuse_views(p, LESIONS)[:, 1], 1.7)
    scaled = apply_temperature(p[:, 1], 1.7)
    before = fuse_views(np.stack([1 - scaled, scaled], axis=1), LESIONS)[:, 1]
    np.testing.assert_allclose(after, before, atol=1e-12)


def test_certain_and_opposite_views_cancel() -> None:
    p = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]], "float32")
    np.testing.assert_allclose(fuse_views(p, [0, 0, 1])[:, 1], [0.5, 0.5, 1.0])
