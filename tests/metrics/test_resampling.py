from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from keras_wa.metrics.classification import METRIC_NAMES, classification_metrics
from keras_wa.metrics.resampling import (
    draw_groups,
    in_threads,
    resampled_auc,
    resampled_metrics,
    resampled_sums,
)
from tests.evaluate.tables import small_set


@pytest.mark.parametrize("levels", [None, 4], ids=["no-ties", "many-ties"])
@pytest.mark.parametrize("seed", range(3))
def test_resampled_metrics_equal_scikit_learn_on_repeated_rows(seed, levels):
    labels, probabilities, patients = small_set(seed, levels)
    names, codes = np.unique(patients, return_inverse=True)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(names), size=(40, len(names)))
    counts = np.stack([np.bincount(row, minlength=len(names)) for row in drawn])
    fast = resampled_metrics(labels, probabilities, codes, counts, 0.5)
    for i, row in enumerate(drawn):
        rows = np.concatenate([np.flatnonzero(codes == group) for group in row])
        slow = classification_metrics(labels[rows], probabilities[rows], 0.5)
        for name in METRIC_NAMES:
            assert fast[name][i] == pytest.approx(slow[name], abs=1e-12, nan_ok=True)


def test_undefined_resamples_are_nan_exactly_where_scikit_learn_has_nan():
    # Three patients of one kind each: many resamples miss a class altogether.
    labels = np.array([1, 0, 0, 0])
    probabilities = np.array([0.9, 0.8, 0.1, 0.2])
    codes = np.array([0, 1, 2, 2])
    counts = np.array([[3, 0, 0], [0, 3, 0], [0, 0, 3], [1, 1, 1], [0, 1, 2]])
    fast = resampled_metrics(labels, probabilities, codes, counts, 0.5)
    for i, row in enumerate(counts):
        rows = np.repeat(np.arange(4), row[codes])
        slow = classification_metrics(labels[rows], probabilities[rows], 0.5)
        for name in METRIC_NAMES:
            assert fast[name][i] == pytest.approx(slow[name], abs=1e-12, nan_ok=True)
    assert np.isnan(fast["auc"]).tolist() == [True, True, True, False, True]


def test_the_auc_of_scores_of_any_range_is_scikit_learns():
    labels, probabilities, patients = small_set(2, levels=5)
    scores = 300 * probabilities - 100
    codes = np.unique(patients, return_inverse=True)[1]
    counts = np.random.default_rng(0).integers(3, size=(20, codes.max() + 1))
    for auc, row in zip(
        resampled_auc(labels, scores, codes, counts), counts, strict=True
    ):
        expected = metrics.roc_auc_score(labels, scores, sample_weight=row[codes])
        assert auc == pytest.approx(expected, abs=1e-12)


def test_each_resample_draws_as_many_patients_as_there_are():
    chunks = list(draw_groups(7, 100_000, 23, seed=1))
    assert len(chunks) > 1
    counts = np.concatenate(chunks)
    assert counts.shape == (23, 7)
    assert (counts.sum(axis=1) == 7).all()


def test_sums_are_those_of_the_drawn_groups():
    values = np.array([[1.0, 2, 4, 8], [1.0, 1, 1, 1]])
    sums, resampled = resampled_sums(values, np.array([0, 2, 2, 1]), 9, seed=1)
    assert sums.tolist() == [[1, 8, 6], [1, 1, 2]]
    counts = np.concatenate(list(draw_groups(3, 4, 9, seed=1)))
    assert resampled.tolist() == (sums @ counts.T).tolist()


def test_results_come_in_the_order_of_the_chunks():
    chunks = [np.array([i]) for i in range(50)]
    assert in_threads(lambda chunk: int(chunk[0]), chunks) == list(range(50))
