"""Calcifications and masses together, without a patient in two parts."""

from __future__ import annotations

import pytest

from keras_wa.data import new_case_table
from keras_wa.data.readers.cbis_ddsm import find_case_lists, read_case_lists
from keras_wa.data.readers.cbis_ddsm.pooling import move_leaked_patients


def table(*rows: tuple[str, str, str]):
    return new_case_table(
        {
            "roi_id": str(number),
            "patient_id": patient,
            "lesion_type": lesion,
            "split": part,
            "label": number % 2,
        }
        for number, (patient, lesion, part) in enumerate(rows)
    )


def test_a_torn_patient_goes_to_the_test_part_with_all_of_its_rois():
    cases = table(
        ("a", "calcification", "train"),
        ("a", "calcification", "train"),
        ("a", "mass", "test"),
        ("b", "calcification", "train"),
        ("c", "calcification", "test"),
        ("c", "mass", "train"),
        ("d", "calcification", "test"),
        ("d", "mass", "test"),
    )
    moved, notes = move_leaked_patients(cases)
    assert list(moved["split"]) == ["test"] * 3 + ["train"] + ["test"] * 4
    assert notes == [
        "Official split: patients moved to the test part, where they have other "
        "lesions: 1 (ROIs, calcification: 2).",
        "Official split: patients moved to the test part, where they have other "
        "lesions: 1 (ROIs, mass: 1).",
    ]
    assert moved.drop(columns="split").equals(cases.drop(columns="split"))
    assert moved.dtypes.equals(cases.dtypes)


def test_a_table_with_no_torn_patient_stays_as_it_is():
    cases = table(("a", "mass", "train"), ("b", "calcification", "test"))
    moved, notes = move_leaked_patients(cases)
    assert moved.equals(cases)
    assert notes == []


@pytest.mark.shared_data
def test_thirteen_and_eighteen_patients_cross_the_official_split(shared_data):
    cases = read_case_lists(find_case_lists(shared_data / "cbis-ddsm-csv")).cases
    moved, notes = move_leaked_patients(cases)
    assert [note.split("lesions: ")[1] for note in notes] == [
        "18 (ROIs, calcification: 56).",
        "13 (ROIs, mass: 27).",
    ]
    assert moved.groupby("patient_id")["split"].nunique().max() == 1
    changed = moved["split"] != cases["split"]
    assert set(moved.loc[changed, "split"]) == {"test"}
    assert cases.loc[changed, "patient_id"].nunique() == 31
    assert sum(changed) == 56 + 27
    # Nobody else's row changes.
    assert (moved["split"] == "test").sum() == 326 + 378 + sum(changed)
