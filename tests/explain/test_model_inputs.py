"""The network is given what its run's pipeline would give it."""

from __future__ import annotations

import numpy as np
import pytest
import pywt

from keras_wa.explain.model_inputs import model_inputs, roi_probability
from keras_wa.training.callbacks import malignant
from tests.explain.networks import gap_network
from tests.tiny_model import tiny


@pytest.fixture
def rois() -> np.ndarray:
    return np.random.default_rng(0).random((5, 32, 32), dtype=np.float32)


def test_rois_get_a_channel(rois):
    inputs = model_inputs(rois)
    assert inputs.shape == (5, 32, 32, 1)
    assert np.array_equal(inputs[..., 0], rois)


@pytest.mark.parametrize("wavelet", ["haar", "db2"])
def test_subbands_are_those_of_pywavelets(rois, wavelet):
    low, details = pywt.dwt2(rois, wavelet, axes=(1, 2))
    expected = np.stack([low, *details], axis=-1)
    assert np.allclose(model_inputs(rois, wavelet), expected, atol=1e-5)


def test_the_probability_is_that_of_the_class(rois):
    model = gap_network(size=32)
    outputs = model.predict(rois[..., None], verbose=0)
    p = roi_probability(model)(rois)
    assert p.dtype == np.float64
    assert np.allclose(p, malignant(outputs), atol=1e-7)
    assert np.allclose(roi_probability(model, target=0)(rois), 1 - p, atol=1e-6)


def test_a_model_of_subbands_gets_them(rois):
    inside, outside = tiny(wavelet="db2"), tiny(wavelet="db2", dwt="pipeline")
    outside.set_weights(inside.get_weights())
    p = roi_probability(inside)(rois)
    assert np.allclose(roi_probability(outside, wavelet="db2")(rois), p, atol=1e-5)
