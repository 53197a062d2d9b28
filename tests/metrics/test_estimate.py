from __future__ import annotations

import math

import pytest

from keras_wa.metrics import Estimate, auc
from keras_wa.metrics.bootstrap import cluster_bootstrap_auc


@pytest.mark.parametrize(
    ("numbers", "spec", "text"),
    [
        ((0.7412, 0.655, 0.8137), "", "0.741 [0.655, 0.814]"),
        ((1.0, None, None), "", "1.000"),
        ((0.0, 0.0, 0.0), "", "0.000 [0.000, 0.000]"),
        ((None, 0.1, 0.2), "", "n/a"),
        ((0.5, -0.25, 1.0), "+.2f", "+0.50 [-0.25, +1.00]"),
    ],
)
def test_the_estimate_of_a_record_prints_as_tables_have_it(numbers, spec, text):
    record = dict(zip(("value", "low", "high"), numbers, strict=True))
    found = Estimate.from_record(record)
    assert format(found, spec) == text
    assert spec or str(found) == text


def test_both_kinds_of_interval_are_estimates():
    y_true, y_score = [0, 1, 0, 1, 1, 0], [0.1, 0.6, 0.7, 0.9, 0.4, 0.2]
    patients = ["a", "a", "b", "b", "c", "c"]
    found = auc(y_true, y_score, groups=patients)
    other = cluster_bootstrap_auc(y_true, y_score, patients, n_resamples=50)
    assert found.value == pytest.approx(7 / 9)
    assert other.value == pytest.approx(7 / 9)
    assert found.low < found.value < found.high
    assert found.standard_error > 0
    assert math.isnan(other.standard_error)
    assert other.n_dropped >= 0
