"""The benchmark of coverage, small: `python -m benchmarks.coverage` is the whole."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.coverage import Scenario, coverage, simulate


def test_the_true_auc_is_what_is_simulated():
    scenario = Scenario(20_000, 2.0, 0.8, 0.5)
    labels, scores, patients = simulate(scenario, np.random.default_rng(0))
    positive, negative = scores[labels == 1], np.sort(scores[labels == 0])
    auc = np.searchsorted(negative, positive).mean() / len(negative)
    assert auc == pytest.approx(0.8, abs=0.01)
    assert len(labels) == pytest.approx(40_000, rel=0.02)
    assert len(set(patients)) == 20_000


def test_both_intervals_by_patient_cover_and_that_by_roi_does_not():
    found = coverage(Scenario(60, 4.0, 0.75, 0.9), 150, 200, seed=0)
    # The standard error of 95 % in 150 simulations is 1.8 %.
    assert 0.89 <= found["bootstrap by patient"] <= 1
    assert 0.89 <= found["DeLong by patient"] <= 1
    assert found["DeLong by ROI"] <= 0.8
