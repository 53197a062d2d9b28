"""The case table keeps what it was given, and missing stays missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from keras_wa.data.case_table import (
    COLUMNS,
    new_case_table,
    read_case_table,
    validate,
    write_case_table,
)
from keras_wa.errors import UserError

ROW = {"roi_id": "a", "patient_id": "p", "label": 1, "split": "train"}
DESIGN_COLUMNS = [
    *("roi_id", "patient_id", "breast", "view", "lesion", "lesion_type"),
    *("label", "pathology", "split", "density", "assessment", "subtlety"),
    *("morphology", "distribution"),
    *("image_path", "crop_path", "mask_path", "pixel_spacing_mm"),
    *("box_left", "box_top", "box_width", "box_height"),
]


def test_the_columns_are_those_of_the_design_with_nullable_dtypes():
    cases = new_case_table([ROW])
    assert list(cases.columns) == DESIGN_COLUMNS == list(COLUMNS)
    for name, dtype in cases.dtypes.items():
        assert dtype.na_value is pd.NA, name


def test_an_empty_table_has_the_same_columns_and_dtypes():
    pd.testing.assert_frame_equal(
        new_case_table([]), new_case_table([ROW]).iloc[:0], check_index_type=False
    )


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, ""])
def test_missing_is_na_and_never_zero(missing):
    rows = [ROW, {**ROW, "density": missing, "view": missing}]
    cases = new_case_table(rows)
    for name in ("density", "view", "pixel_spacing_mm"):
        assert cases[name].isna().all(), name


def test_identifiers_stay_text():
    rows = [{**ROW, "patient_id": "007", "lesion": 2}, {**ROW, "patient_id": 7.0}]
    cases = new_case_table(rows)
    assert list(cases["patient_id"]) == ["007", "7"]
    assert cases["lesion"][0] == "2"


def test_the_index_is_new():
    frame = pd.DataFrame([ROW, ROW], index=[5, 9])
    assert list(new_case_table(frame).index) == [0, 1]


def test_an_unknown_column_is_a_programming_mistake():
    with pytest.raises(ValueError, match="no column 'colour'"):
        new_case_table([{**ROW, "colour": "red"}])


@pytest.mark.parametrize("label", ["benign", 0.5, "inf"])
def test_a_value_that_does_not_fit_is_named(label):
    with pytest.raises(UserError, match=r"label in row 2\. Received: .*a whole number"):
        new_case_table([ROW, {**ROW, "label": label}])
    with pytest.raises(UserError, match=r"pixel_spacing_mm in row 1. .*a number"):
        new_case_table([{**ROW, "pixel_spacing_mm": "0,1"}])


def awkward_table() -> pd.DataFrame:
    texts = ["NA", "None", "007", "1.0", 'say "hi", twice', "two\nlines", " ü ", "nan"]
    rng = np.random.default_rng(0)
    return new_case_table(
        {
            **ROW,
            "roi_id": text,
            "patient_id": text,
            "label": index % 2,
            "density": None if index % 3 else index,
            "view": text if index % 2 else None,
            "pixel_spacing_mm": rng.random() if index % 4 else None,
        }
        for index, text in enumerate(texts)
    )


def test_writing_and_reading_gives_the_same_table_and_the_same_bytes(tmp_path):
    cases = awkward_table()
    write_case_table(cases, tmp_path / "a.csv")
    found = read_case_table(tmp_path / "a.csv")
    pd.testing.assert_frame_equal(found, cases, check_exact=True)
    write_case_table(found, tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.csv"]


def test_optional_columns_may_be_absent_from_a_file(tmp_path):
    (tmp_path / "x.csv").write_text("split,label,patient_id,roi_id\ntrain,1,p,a\n")
    pd.testing.assert_frame_equal(
        read_case_table(tmp_path / "x.csv"), new_case_table([ROW])
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file"),
        ("", "cannot be read as a case table"),
        ("roi_id,label,split\na,1,train\n", "column 'patient_id' is absent"),
        ("roi_id,patient_id,label,split,hue\na,p,1,train,3\n", "no column 'hue'"),
        ("roi_id,patient_id,label,split\na,p,yes,train\n", "label in row 1"),
    ],
)
def test_a_bad_file_is_named_with_its_field(tmp_path, text, message):
    path = tmp_path / "x.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        read_case_table(path)
    assert str(path) in str(caught.value)


def test_a_good_table_is_valid():
    cases = new_case_table([ROW, {**ROW, "roi_id": "b", "label": 0}])
    before = cases.copy()
    validate(cases)
    pd.testing.assert_frame_equal(cases, before)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"roi_id": None}, "roi_id is missing in 1 rows, first in row 2"),
        ({"patient_id": None}, "patient_id is missing"),
        ({"label": None}, "label is missing"),
        ({"split": None}, "split is missing"),
        ({"roi_id": "a"}, "roi_id 'a' occurs more than once"),
        ({"label": 2}, r"label of ROI 'b'. Received: '2'; expected one of \[0, 1\]"),
        ({"split": "dev"}, "split of ROI 'b'. Received: 'dev'"),
        ({"split": "test"}, "Received: patient 'p' in test and train"),
    ],
)
def test_a_broken_invariant_is_an_error(second, message):
    cases = new_case_table([ROW, {**ROW, "roi_id": "b", **second}])
    with pytest.raises(UserError, match=message) as caught:
        validate(cases, source="my.csv")
    assert str(caught.value).startswith("my.csv: ")


def test_an_empty_table_is_an_error():
    with pytest.raises(UserError, match="no rows"):
        validate(new_case_table([]))


def test_a_patient_in_two_parts_is_let_pass_only_when_asked():
    cases = new_case_table([ROW, {**ROW, "roi_id": "b", "split": "test"}])
    validate(cases, patients_apart=False)
    with pytest.raises(UserError, match="more than one part"):
        validate(cases)
