from __future__ import annotations

import dataclasses

import pytest

from keras_wa.errors import UserError
from keras_wa.inference.dicom_out import Algorithm, Finding
from tests.inference.dicom_out.sources import FINDINGS

NAN = float("nan")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"box": (40, 20, 40, 60)}, "box"),
        ({"box": (10, 61, 40, 60)}, "box"),
        ({"box": (-1, 20, 40, 60)}, "box"),
        ({"probability": 1.01}, "probability"),
        ({"probability": NAN}, "probability"),
        ({"threshold": -0.1}, "threshold"),
        ({"high": NAN}, "high"),
        ({"low": None}, "low and high"),
        ({"low": 0.83}, "low, probability and high"),
        ({"high": 0.82}, "low, probability and high"),
        ({"decision": False}, "decision"),
        ({"threshold": 0.9}, "decision"),
    ],
)
def test_numbers_that_cannot_be_are_refused_in_one_line(changes, field):
    with pytest.raises(UserError, match=f"^Finding: {field}. Received: ") as caught:
        dataclasses.replace(FINDINGS[0], **changes)

    assert "; expected " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_probability_at_the_threshold_is_positive():
    box = (0, 0, 1, 1)

    assert Finding(box, 0.42, decision=True, threshold=0.42).decision
    with pytest.raises(UserError, match="expected True"):
        Finding(box, 0.42, decision=False, threshold=0.42)


def test_the_ends_of_the_ranges_are_taken():
    for end in (0.0, 1.0):
        finding = Finding((0, 0, 1, 1), end, low=end, high=end, threshold=end)
        assert finding.probability == end


@pytest.mark.parametrize("field", ["name", "version", "maker", "description"])
@pytest.mark.parametrize("text", ["", "  ", "a\\b", "a\nb", "x" * 1025])
def test_text_that_dicom_cannot_hold_is_refused(field, text):
    values = {"name": "a", "version": "b", "maker": "c", field: text}

    with pytest.raises(UserError, match=f"^Algorithm: {field}. Received: "):
        Algorithm(**values)


def test_an_algorithm_says_that_it_is_no_medical_device():
    assert Algorithm("a", "1", "b").description == (
        "Research software. Not a medical device."
    )
