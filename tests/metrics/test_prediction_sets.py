"""Prediction sets keep the coverage of each class, with patients as clusters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from keras_wa.metrics import (
    PredictionSets,
    fit_prediction_sets,
    risk_coverage,
    set_coverage,
)


def draw(
    patients: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ROIs of patients that share a label and most of their difficulty."""
    sizes = rng.integers(1, 6, patients)
    groups = np.repeat(np.arange(patients), sizes)
    label = (np.arange(patients) % 2)[groups]
    of_patient = rng.normal(0, 1.0, patients)[groups]
    logits = 1.5 * (2 * label - 1) + of_patient + rng.normal(0, 0.5, len(groups))
    return label, expit(logits), groups


@pytest.mark.parametrize("patients", [20, 50, 200])
@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_each_class_has_the_guaranteed_coverage(patients: int, coverage: float) -> None:
    """Over many calibration sets; at most the weight of one patient is added."""
    rng = np.random.default_rng(patients)
    # Of each new patient one ROI: the guarantee is for a patient's ROIs alike.
    y, p, groups = draw(20_000, rng)
    _, first = np.unique(groups, return_index=True)
    y, p = y[first], p[first]
    found = []
    for _ in range(300):
        sets = fit_prediction_sets(*draw(2 * patients, rng), coverage)
        contained = sets.contain(p)
        found.append([contained[y == label, label].mean() for label in (0, 1)])
    mean = np.mean(found, axis=0)
    error = np.std(found, axis=0) / np.sqrt(300)
    assert (mean > coverage - 3 * error).all()
    assert (mean < coverage + 1 / (patients + 1) + 3 * error).all()


def test_one_roi_a_patient_gives_the_order_statistic() -> None:
    """Textbook split conformal: the k-th lowest of n, k = floor((1 - c)(n + 1))."""
    rng = np.random.default_rng(3)
    y, p = np.arange(98) % 2, rng.random(98)
    sets = fit_prediction_sets(y, p, np.arange(98), coverage=0.9)
    # 49 patients: the class is excluded below the 5th lowest of 50 positions.
    assert sets.malignant_from == np.sort(p[y == 1])[4]
    assert sets.benign_up_to == np.sort(p[y == 0])[-5]
    assert (sets.benign_patients, sets.malignant_patients) == (49, 49)
    assert not sets.caveat


def test_copies_of_a_patients_rois_change_nothing() -> None:
    y, p, groups = draw(60, np.random.default_rng(5))
    twice = fit_prediction_sets(np.tile(y, 2), np.tile(p, 2), np.tile(groups, 2))
    assert fit_prediction_sets(y, p, groups) == twice
    order = np.random.default_rng(0).permutation(len(y))
    assert fit_prediction_sets(y[order], p[order], groups[order]) == twice


def test_equal_probabilities_are_included_together() -> None:
    y, p = np.repeat([0, 1], 20), np.full(40, 0.5)
    sets = fit_prediction_sets(y, p, np.arange(40), coverage=0.8)
    assert sets.names([0.49, 0.5, 0.51]) == ["benign", "both", "malignant"]


@pytest.mark.parametrize(
    ("patients", "coverage", "guaranteed"),
    [(8, 0.9, False), (9, 0.9, False), (10, 0.9, True), (18, 0.95, False)],
)
def test_too_few_patients_give_no_guarantee(
    patients: int, coverage: float, guaranteed: bool
) -> None:
    y = np.repeat([0, 1], [50, patients])
    p = np.where(y == 1, 0.9, 0.1)
    sets = fit_prediction_sets(y, p, np.arange(len(y)), coverage)
    assert (not sets.caveat) is guaranteed
    # Below 1 / (1 - coverage) - 1 patients nothing excludes the class.
    assert (sets.malignant_from == 0) == (patients + 1 < 1 / (1 - coverage) - 1e-9)


def test_a_class_without_rois_is_never_excluded() -> None:
    sets = fit_prediction_sets([0] * 30, np.linspace(0, 0.5, 30), range(30))
    assert sets.malignant_patients == 0
    assert sets.caveat
    assert sets.names([0.0, 1.0]) == ["both", "malignant"]


def test_coverage_weighs_patients_alike_and_brackets_its_value() -> None:
    sets = PredictionSets(0.9, 0.7, 0.4, 100, 100)
    y, p, groups = draw(300, np.random.default_rng(1))
    found = set_coverage(y, p, groups, sets)
    for label, name in enumerate(("benign", "malignant")):
        hits = sets.contain(p)[:, label]
        of_patient = [
            hits[(groups == g) & (y == label)].mean()
            for g in np.unique(groups[y == label])
        ]
        assert found[name].value == pytest.approx(np.mean(of_patient), abs=1e-12)
        # The interval of a mean of independent patients.
        half = 1.96 * np.std(of_patient) / np.sqrt(len(of_patient))
        assert found[name].high - found[name].low == pytest.approx(2 * half, rel=0.15)
    both_or_none = [each in ("both", "none") for each in sets.names(p)]
    assert found["indeterminate"].value == pytest.approx(np.mean(both_or_none))


def test_a_class_without_rois_has_no_coverage() -> None:
    sets = PredictionSets(0.9, 0.7, 0.4, 100, 100)
    found = set_coverage([0, 0, 0], [0.1, 0.2, 0.9], ["a", "b", "c"], sets)
    assert np.isnan(found["malignant"].value)
    assert found["benign"].value == pytest.approx(2 / 3)


def test_classifying_all_has_the_error_rate_and_certain_rois_come_first() -> None:
    y, p, _ = draw(400, np.random.default_rng(2))
    curve = risk_coverage(y, p, 0.3)
    assert curve["coverage"].iloc[-1] == 1
    assert curve["risk"].iloc[-1] == pytest.approx(np.mean((p >= 0.3) != y))
    half = np.abs(np.log(p / (1 - p)) - np.log(0.3 / 0.7))
    kept = half >= np.quantile(half, 0.5)
    at_half = curve[curve["coverage"] >= kept.mean() - 1e-9].iloc[0]
    assert at_half["risk"] == pytest.approx(np.mean((p >= 0.3)[kept] != y[kept]))


def test_certainties_that_are_equal_are_one_row() -> None:
    curve = risk_coverage([0, 1, 1, 0], [0.2, 0.2, 0.2, 0.9], 0.5)
    assert curve["coverage"].tolist() == [0.25, 1.0]
    assert curve["risk"].tolist() == [1.0, 0.75]


def test_probabilities_of_0_and_1_are_as_certain_as_each_other() -> None:
    curve = risk_coverage([1, 0, 1, 0, 1], [0.0, 0.0, 1.0, 0.4, 1.0], 0.5)
    assert curve["coverage"].tolist() == pytest.approx([0.8, 1.0])
    assert curve["risk"].tolist() == pytest.approx([0.25, 0.2])


@pytest.mark.parametrize("limit", [None, "x", 1.5, float("nan")])
def test_limits_that_are_no_shares_are_refused(limit: Any) -> None:
    with pytest.raises(ValueError, match="must have shares"):
        PredictionSets(0.9, limit, 0.4, 50, 50)


@pytest.mark.parametrize("coverage", [0.0, 1.0, -0.1, 1.5])
def test_a_coverage_out_of_range_is_refused(coverage: float) -> None:
    with pytest.raises(ValueError, match=r"coverage must lie in \(0, 1\)"):
        fit_prediction_sets([0, 1], [0.1, 0.9], ["a", "b"], coverage)


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_a_threshold_out_of_range_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match=r"threshold must lie in \(0, 1\)"):
        risk_coverage([0, 1], [0.1, 0.9], threshold)
