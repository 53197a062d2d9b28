"""Precision and recall are scikit-learn's, at TensorBoard's thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_curve
from tensorboard.plugins.pr_curve import summary
from tensorboard.util.tensor_util import make_ndarray

from keras_wa.evaluate.dashboard.events import THRESHOLDS, precision_recall


@pytest.fixture
def labels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 2, 300)


@pytest.fixture
def probabilities(labels: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.clip(0.3 + 0.2 * labels + rng.normal(0, 0.2, len(labels)), 0, 1)


def test_the_counts_are_those_of_scikit_learn(labels, probabilities):
    curve = precision_recall(labels, probabilities, 51)
    for i, at in enumerate(np.linspace(0, 1, 51)):
        tn, fp, fn, tp = confusion_matrix(labels, probabilities >= at).ravel()
        assert curve[:4, i].tolist() == [tp, fp, tn, fn]


def test_the_curve_is_that_of_scikit_learn(labels, probabilities):
    precision, recall, at = precision_recall_curve(labels, probabilities)
    curve = precision_recall(labels, probabilities)
    ours = np.linspace(0, 1, THRESHOLDS)
    known = ours <= at[-1]
    # Nothing changes between a threshold and the next probability above it.
    next_above = np.searchsorted(at, ours[known])
    np.testing.assert_allclose(curve[4, known], precision[next_above])
    np.testing.assert_allclose(curve[5, known], recall[next_above])


def test_it_is_tensorboards_own_curve_between_thresholds(labels):
    # A quarter of a step away from every threshold, so that no rounding decides.
    rng = np.random.default_rng(2)
    probabilities = (rng.integers(0, THRESHOLDS - 1, 300) + 0.25) / (THRESHOLDS - 1)
    own = summary.pb("x", labels.astype(bool), probabilities, THRESHOLDS)
    expected = make_ndarray(own.value[0].tensor)
    np.testing.assert_allclose(precision_recall(labels, probabilities), expected)


def test_a_probability_on_a_threshold_is_positive():
    curve = precision_recall(np.array([1, 0]), np.array([0.29, 0.58]), 101)
    assert curve[0, 28:31].tolist() == [1, 1, 0]
    assert curve[1, 57:60].tolist() == [1, 1, 0]


def test_where_nothing_is_positive_precision_is_zero():
    curve = precision_recall(np.array([1, 0]), np.array([0.2, 0.1]), 11)
    assert curve[4, -1] == 0
    assert np.isfinite(curve).all()
