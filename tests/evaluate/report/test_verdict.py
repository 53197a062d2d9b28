"""The verdict says what the numbers say, and warns where they mislead."""

from __future__ import annotations

import pytest

from keras_wa.evaluate.report.verdict import best_number, decision, verdict, warnings
from tests.evaluate.report.records import results, table

AUC = {"value": 0.9213, "low": 0.8811, "high": 0.956}


def record(auc=AUC, **changes):
    return {
        "n_rois": 1326,
        "n_patients": 113,
        "prevalence": 0.5,
        "dataset": "cbis-ddsm",
        "split": "test",
        "metrics": {"auc": auc},
        "references": [
            {"name": "majority class", "auc": {"value": 0.5, "low": 0.5, "high": 0.5}},
            {
                "name": "type + distribution",
                "auc": {"value": 0.741, "low": 0.655, "high": 0.814},
            },
        ],
        "notes": [],
        "warnings": [],
        "one_number_auc": {"mean": {"value": 0.55, "low": 0.5, "high": 0.6}},
        **changes,
    }


def test_it_says_in_pairs_what_the_area_under_the_curve_is():
    assert verdict(record()) == (
        "On 1,326 ROIs of 113 patients the model ranks a malignant above a benign ROI "
        "in 92.1 % [88.1 to 95.6] of pairs; the descriptors alone (type + distribution,"
        " no pixels) reach 74.1 % [65.5 to 81.4]."
    )


def test_a_phantom_is_called_one_and_its_best_is_named():
    best = {"name": "best possible", "auc": {"value": 0.87, "low": None, "high": None}}
    sentence = verdict(record(dataset="phantom", references=[best]))
    assert "can be expected to reach is 87.0 %; this is a phantom" in sentence
    assert sentence.endswith("says nothing clinical.")


@pytest.mark.parametrize(
    ("low", "high", "clause"),
    [
        (0.45, 0.6, "pairs, which cannot be distinguished from guessing (50 %)"),
        (0.3, 0.4, "pairs, worse than guessing"),
        (0.51, 0.6, "pairs;"),
        (None, None, "pairs;"),
    ],
)
def test_guessing_is_named_where_the_interval_holds_it(low, high, clause):
    assert clause in verdict(record({"value": 0.5, "low": low, "high": high}))


def test_one_class_has_no_verdict():
    none = {"value": None, "low": None, "high": None}
    found = record(none, prevalence=1.0)
    assert verdict(found).startswith("All 1,326 ROIs of 113 patients are malignant")
    assert warnings(found) == []


def test_the_decision_counts_rois():
    cases, found = table(), results()
    called = cases["probability"] >= 0.5
    right = int((called & (cases["label"] == 1)).sum())
    alarms = int((called & (cases["label"] == 0)).sum())
    sentence = decision(found)
    assert f"finds {right} of {int(cases['label'].sum())} malignant" in sentence
    assert f"{alarms} false alarms on {int((cases['label'] == 0).sum())}" in sentence
    assert "threshold 0.5 (youden on validation)" in sentence


@pytest.mark.parametrize(("high", "warned"), [(0.95, True), (0.92, False)])
def test_a_number_of_the_pixels_that_comes_as_far_is_warned_of(high, warned):
    numbers = {
        "mean": {"value": 0.5, "low": 0.1, "high": 0.99},
        "max_minus_median": {"value": 0.9, "low": 0.8, "high": high},
        "maximum": {"value": None, "low": None, "high": None},
    }
    found = warnings(record(one_number_auc=numbers))
    assert len(found) == warned
    assert best_number(record(one_number_auc=numbers)) == "max_minus_median"
    if warned:
        assert "max minus median, ranks 90.0 % [80.0 to 95.0] of pairs" in found[0]


@pytest.mark.parametrize(
    ("split", "said"), [("val", "chosen"), ("train", "was trained on these ROIs")]
)
def test_a_part_that_was_learnt_from_is_warned_of(split, said):
    found = warnings(record(split=split, notes=["a phantom"], warnings=["few"]))
    assert found[:2] == ["a phantom", "few"]
    assert said in found[2]
