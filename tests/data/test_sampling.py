"""A sample takes whole patients, the same share of every kind."""

from __future__ import annotations

import pandas as pd
import pytest

from keras_wa.data.sampling import sample_patients
from keras_wa.errors import UserError

BY = ("split", "label")


def table(*patients: tuple[str, str, int, int]) -> pd.DataFrame:
    """Patient, part, label and number of ROIs of each."""
    return pd.DataFrame(
        [
            {"roi_id": f"{name}{i}", "patient_id": name, "split": part, "label": label}
            for name, part, label, rois in patients
            for i in range(rois)
        ]
    )


def taken(cases: pd.DataFrame, n: int) -> list[str]:
    return list(sample_patients(cases, n, BY, "`n`")["patient_id"].unique())


def test_small_patients_of_each_kind_come_first_then_a_second_of_each():
    cases = table(
        *(("a", "train", 0, 3), ("b", "train", 0, 1), ("c", "train", 0, 2)),
        *(("d", "train", 1, 2), ("e", "test", 0, 1), ("f", "test", 1, 1)),
        ("g", "test", 1, 2),
    )
    assert taken(cases, 5) == ["b", "d", "e", "f"]
    assert taken(cases, 7) == ["b", "c", "d", "e", "f"]
    assert taken(cases, 12) == list("abcdefg")


def test_a_patient_with_many_rois_does_not_fill_a_small_sample():
    few = [(f"{letter}{i}", "train", 0, 1) for letter in "abc" for i in range(10)]
    cases = table(("x", "test", 0, 20), ("y", "test", 0, 1), ("z", "test", 0, 1), *few)
    # Half of the 52 ROIs: half of the 30 in training, and of the test part what fits.
    parts = sample_patients(cases, 26, BY, "`n`")["split"].value_counts()
    assert parts["test"] == 2
    assert parts["train"] == 24
    assert "x" in taken(cases, 50)


def test_a_seed_draws_other_patients_and_keeps_the_order_of_the_rows():
    cases = table(*((f"p{i:02d}", "train", i % 2, 2) for i in range(40)))
    drawn = [sample_patients(cases, 20, BY, "`n`", seed) for seed in (0, 0, 1)]
    assert drawn[0].equals(drawn[1])
    assert set(drawn[0]["patient_id"]) != set(drawn[2]["patient_id"])
    assert drawn[2]["patient_id"].is_monotonic_increasing
    assert list(drawn[0].index) == list(range(20))


def test_a_sample_without_one_of_the_kinds_is_refused():
    cases = table(("a", "train", 0, 2), ("b", "train", 1, 2), ("c", "test", 1, 2))
    message = r"^`n`\. Received: 5, which leaves no ROI with split test, label 1; "
    with pytest.raises(UserError, match=message):
        sample_patients(cases, 5, BY, "`n`")
