from __future__ import annotations

from keras_wa.evaluate.audit.patients import check_patients, leaked_patients
from tests.evaluate.audit.tables import table


def test_a_patient_in_two_parts_is_an_error():
    cases = table()
    cases.loc[0, "split"] = "test"
    finding = check_patients(cases)
    assert finding.verdict == "error"
    assert "1 of 20 patients" in finding.sentence
    assert "2 of 40 ROIs" in finding.sentence
    assert finding.details["leaked_patients"] == {"P000": ["test", "train"]}
    assert finding.advice


def test_patients_in_one_part_each_are_fine_and_one_for_each_roi_says_nothing():
    finding = check_patients(table())
    assert finding.verdict == "ok"
    assert "None of 20 patients" in finding.sentence
    finding = check_patients(table(rois_each=1))
    assert finding.verdict == "note"
    assert "separate patient" in finding.sentence


def test_validation_is_a_part_too():
    cases = table()
    assert leaked_patients(cases) == []
    cases.loc[[0, 4], "split"] = "val"
    assert leaked_patients(cases) == ["P000", "P002"]
