from __future__ import annotations

import math

import pytest

from keras_wa.metrics import Estimate, auc
from keras_wa.metrics.bootstrap import cluster_bootstrap_auc


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (Estimate(0.7412, 0.655, 0.8137), "0.741 [0.655, 0.814]"),
        (Estimate(1.0, math.nan, math.nan), "1.000"),
        (Estimate(math.nan, 0.1, 0.2), "n/a"),
    ],
)
def test_it_prints_as_tables_have_it(found: Estimate, text: str) -> None:
    assert str(found) == text


def test_it_is_the_same_from_its_record_and_prints_signs_and_digits() -> None:
    found = Estimate.from_record({"value": 0.5, "low": -0.25, "high": 1.0})
    assert found == Estimate(0.5, -0.25, 1.0)
    assert f"{found:+.2f}" == "+0.50 [-0.25, +1.00]"
    assert str(Estimate.from_record({"value": 1.0, "low": None, "high": None})) == (
        "1.000"
    )


def test_both_kinds_of_interval_are_estimates() -> None:
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
