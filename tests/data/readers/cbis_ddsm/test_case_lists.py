"""The official case lists, and every way in which one can be wrong."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from keras_wa.data.case_table import COLUMNS
from keras_wa.data.readers.cbis_ddsm import (
    LIST_NAMES,
    LISTED,
    find_case_lists,
    read_case_lists,
)
from keras_wa.errors import UserError
from tests.data.readers.cbis_ddsm.copies import case_row, uid, write_lists

CALC = LIST_NAMES["calcification", "train"]


@pytest.fixture
def lists(shared_data) -> Path:
    return shared_data / "cbis-ddsm-csv"


def read(folder: Path, rows: list[dict]):
    write_lists(folder, rows)
    return read_case_lists(
        [path for name in LIST_NAMES.values() if (path := folder / name).is_file()]
    )


@pytest.mark.shared_data
def test_no_roi_and_no_patient_of_the_official_lists_is_lost(lists):
    found = read_case_lists(find_case_lists(lists))
    cases = found.cases
    assert found.skipped == []
    assert list(cases.columns) == [*COLUMNS, *LISTED]
    groups = cases.groupby(["lesion_type", "split"])
    counts = groups.agg(rois=("roi_id", "nunique"), people=("patient_id", "nunique"))
    assert counts.to_dict("index") == {
        ("calcification", "train"): {"rois": 1546, "people": 602},
        ("calcification", "test"): {"rois": 326, "people": 151},
        ("mass", "train"): {"rois": 1318, "people": 691},
        ("mass", "test"): {"rois": 378, "people": 201},
    }
    pathology = groups["pathology"].value_counts()
    assert pathology["calcification", "train"].to_dict() == {
        "MALIGNANT": 544,
        "BENIGN": 528,
        "BENIGN_WITHOUT_CALLBACK": 474,
    }
    assert pathology["calcification", "test"].to_dict() == {
        "BENIGN": 130,
        "MALIGNANT": 129,
        "BENIGN_WITHOUT_CALLBACK": 67,
    }
    malignant = groups["label"].sum()
    assert (malignant["mass", "train"], malignant["mass", "test"]) == (637, 147)
    assert set(cases.loc[cases["label"] == 0, "pathology"]) == {
        "BENIGN",
        "BENIGN_WITHOUT_CALLBACK",
    }


@pytest.mark.shared_data
def test_the_traps_of_the_official_lists_are_sprung(lists):
    cases = read_case_lists(find_case_lists(lists)).cases
    paths = cases[["full_listed", "crop_listed", "mask_listed"]]
    assert not paths.apply(lambda column: column.str.contains(r"\s")).any(axis=None)
    assert (cases["roi_id"] == cases["case"]).all()
    # Both spellings of the density's column are read; 0 means that none was given.
    assert set(cases["density"].dropna()) == {1, 2, 3, 4}
    assert cases["density"].isna().sum() == 2
    assert cases["morphology"].notna().groupby(cases["lesion_type"]).sum().min() > 1600
    series = paths.apply(lambda column: column.str.split("/").str[2])
    assert (series["crop_listed"] != series["mask_listed"]).sum() == 104
    assert cases["full_listed"].nunique() == 3103


@pytest.mark.parametrize("below", [".", "csv"])
def test_the_lists_are_found_in_the_folder_or_in_csv_below_it(tmp_path, below):
    rows = [case_row(), case_row("mass"), case_row(part="test", patient="P_2")]
    write_lists(tmp_path / below, [*rows, case_row("mass", "test", "P_3")])
    names = [path.name for path in find_case_lists(tmp_path)]
    assert names == list(LIST_NAMES.values())
    assert [path.name for path in find_case_lists(tmp_path, "mass")] == names[2:]
    (tmp_path / below / names[0]).unlink()
    assert [path.name for path in find_case_lists(tmp_path)] == names[1:]
    (tmp_path / below / names[1]).unlink()
    assert len(find_case_lists(tmp_path, "mass")) == 2
    with pytest.raises(UserError, match=f"none of {names[0]}, {names[1]} in this"):
        find_case_lists(tmp_path, "calcification")


def test_a_list_that_excel_has_saved_is_the_same(tmp_path):
    write_lists(tmp_path, [case_row(), case_row(patient="P_00003")])
    before = read_case_lists([tmp_path / CALC]).cases
    frame = pd.read_csv(tmp_path / CALC, dtype=str)
    for name in frame.columns[frame.columns.str.endswith("path")]:
        frame[name] = frame[name].str.replace("/", "\\")
    text = f"sep=;\r\n{frame.to_csv(index=False, sep=';')}"
    (tmp_path / CALC).write_bytes(text.encode("utf-16"))
    found = read_case_lists([tmp_path / CALC])
    pd.testing.assert_frame_equal(found.cases, before)
    assert (found.skipped, found.notes) == ([], [])


def test_the_rows_of_one_list_come_with_its_lesion_type_and_its_part(tmp_path):
    rows = [
        case_row(pathology="BENIGN_WITHOUT_CALLBACK", number=2),
        case_row("mass", "test", "P_00007", "RIGHT", "MLO", pathology="BENIGN"),
    ]
    cases = read(tmp_path, rows).cases
    assert list(cases["roi_id"]) == [
        "Calc-Training_P_00001_LEFT_CC_2",
        "Mass-Test_P_00007_RIGHT_MLO_1",
    ]
    assert list(cases["lesion_type"]) == ["calcification", "mass"]
    assert list(cases["split"]) == ["train", "test"]
    assert list(cases["label"]) == [0, 0]
    assert list(cases["morphology"]) == ["ROUND", "ROUND"]
    assert list(cases["view"]) == ["CC", "MLO"]
    assert not cases["crop_listed"].str.contains("\n").any()


@pytest.mark.shared_data
def test_a_list_that_another_program_has_saved_misses_the_same_values(lists, tmp_path):
    before = read_case_lists([lists / CALC]).cases
    frame = pd.read_csv(lists / CALC)
    assert frame["calc distribution"].isna().sum() > 100
    for text in ("nan", "NaN", "None", "NULL", "n/a", "#N/A"):
        frame.to_csv(tmp_path / CALC, index=False, na_rep=text)
        saved = read_case_lists([tmp_path / CALC]).cases
        pd.testing.assert_frame_equal(saved, before)


@pytest.mark.parametrize("lesion", ["calcification", "mass"])
@pytest.mark.parametrize("name", ["breast density", "breast_density", "Breast_Density"])
def test_both_spellings_of_the_density_are_read(tmp_path, lesion, name):
    row = case_row(lesion)
    old = next(column for column in row if column.startswith("breast"))
    row = {name if column == old else column: row[column] for column in row}
    assert list(read(tmp_path, [row]).cases["density"]) == [3]
    with pytest.raises(UserError, match="column 'breast density' is repeated"):
        read(tmp_path, [row | {"breast density": "1", "breast_density": "1"}])


def test_zero_and_nothing_are_missing_where_they_mean_not_given(tmp_path):
    row = case_row(**{"breast density": "0", "subtlety": "", "assessment": "0"})
    row |= {"calc type": "N/A", "calc distribution": "NA"}  # As in the official lists.
    (case,) = read(tmp_path, [row]).cases.to_dict("records")
    assert pd.isna(case["density"])
    assert pd.isna(case["subtlety"])
    assert pd.isna(case["morphology"])
    assert pd.isna(case["distribution"])
    # BI-RADS 0 is an assessment: more images are needed.
    assert case["assessment"] == 0


LONG = f"a/{uid('a')}/{uid('b')}"


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("pathology", "UNKNOWN", "pathology. Received: UNKNOWN; expected one of BENI"),
        ("pathology", "", "pathology. Received: nothing; expected"),
        ("patient_id", "", "patient_id is missing"),
        ("abnormality id", " ", "lesion is missing"),
        ("image file path", "", "full_listed is missing"),
        ("image file path", f"../{LONG}", "full path. Received: '../a/"),
        ("image file path", "/etc/passwd/a/b", "full path. Received: '/etc/passwd"),
        ("image file path", f"{LONG}/../../0.dcm", "full path. Received"),
        ("cropped image file path", "a/../b/0.dcm", "crop path. Received"),
        ("ROI mask file path", "C:/a/b/c", "mask path. Received"),
        ("ROI mask file path", r"a\b\c/d/e/f", "mask path. Received"),
        ("ROI mask file path", "000000.dcm", "mask path. Received"),
        ("assessment", "four", "assessment. Received: 'four'; expected one digit"),
        ("subtlety", "-1", "subtlety. Received: '-1'"),
        ("breast density", "2.5", "density. Received: '2.5'"),
    ],
)
def test_a_bad_row_is_left_out_with_its_reason(tmp_path, column, value, reason):
    good = case_row(patient="P_00009")
    found = read(tmp_path, [good, case_row(**{column: value})])
    assert list(found.cases["patient_id"]) == ["P_00009"]
    ((name, why),) = found.skipped
    assert name == CALC
    last = (tmp_path / CALC).read_text().count("\n")
    assert why.startswith(f"line {last}: ")
    assert reason in why
    assert "\n" not in why


def test_a_ragged_line_is_skipped_counted_and_named(tmp_path):
    rows = [case_row(patient=f"P_0000{number}") for number in (1, 2, 3)]
    write_lists(tmp_path, [*rows, case_row(patient="P_00004", pathology="UNKNOWN")])
    text = (tmp_path / CALC).read_text()
    text = text.replace("P_00002,", "P_00002,x,", 1).replace(
        "P_00003,", "\nP_00003,", 1
    )
    (tmp_path / CALC).write_text(text)
    found = read_case_lists([tmp_path / CALC])
    assert list(found.cases["patient_id"]) == ["P_00001", "P_00003"]
    (ragged, unknown) = found.skipped
    assert ragged[0] == unknown[0] == CALC
    assert ragged[1].startswith("line 5: 15 fields. Expected: 14")
    assert unknown[1].startswith("line 10: pathology. Received: UNKNOWN")
    assert found.notes == ["Rows of the case lists that were left out: 2."]


def test_of_an_id_that_comes_twice_the_first_row_is_kept(tmp_path):
    found = read(tmp_path, [case_row(), case_row(pathology="BENIGN")])
    assert list(found.cases["pathology"]) == ["MALIGNANT"]
    ((_, why),) = found.skipped
    # Each path of a crop has a line break, as in the official lists.
    assert why.startswith("line 5: Calc-Training_P_00001_LEFT_CC_1 is repeated")


def test_a_list_given_twice_is_said_of_each_of_its_rows(tmp_path):
    write_lists(tmp_path, [case_row()])
    found = read_case_lists([tmp_path / CALC, tmp_path / CALC])
    assert len(found.cases) == 1
    assert found.skipped[0][1].endswith("is in two lists. Expected: in one.")


def test_a_list_that_cannot_be_used_is_left_out_if_another_can(tmp_path):
    write_lists(tmp_path, [case_row(), case_row(part="test")])
    train, test = find_case_lists(tmp_path, "calcification")
    pd.read_csv(test, dtype=str).drop(columns="pathology").to_csv(test, index=False)
    lists = read_case_lists([train, test])
    assert list(lists.cases["split"]) == ["train"]
    ((name, reason),) = lists.skipped
    assert name == test.name
    assert reason.startswith("column 'pathology' is missing. Received: patient_id, ")
    assert lists.notes == [
        f"The whole case list {test.name} was left out: {reason}",
    ]


@pytest.mark.parametrize(
    "column", [*case_row()][1:6] + [*case_row()][7:], ids=str.split
)
def test_a_missing_column_is_named(tmp_path, column):
    write_lists(tmp_path, [case_row()])
    frame = pd.read_csv(tmp_path / CALC, dtype=str).drop(columns=column)
    frame.to_csv(tmp_path / CALC, index=False)
    with pytest.raises(UserError, match=rf"{CALC}: column '{column}' is missing"):
        read_case_lists([tmp_path / CALC])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x00\xff\xfe\x80", r"cannot .*: a CSV file in UTF-8 .*\. Download the"),
        (b"a,b\n", "column 'calc type' is missing"),
    ],
)
def test_a_broken_list_is_a_user_error_in_one_line(tmp_path, content, message):
    (tmp_path / CALC).write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read_case_lists([tmp_path / CALC])
    assert "\n" not in str(caught.value)


def test_a_list_without_a_row_is_a_user_error(tmp_path):
    write_lists(tmp_path, [case_row()])
    header = (tmp_path / CALC).read_text().split("\n", 1)[0]
    (tmp_path / CALC).write_text(header + "\n")
    with pytest.raises(UserError, match="the case list has no row"):
        read_case_lists([tmp_path / CALC])


def test_a_list_of_another_name_and_an_absent_one_are_user_errors(tmp_path):
    with pytest.raises(UserError, match=r"name of a case list. Received: 'x\.csv'"):
        read_case_lists([tmp_path / "x.csv"])
    with pytest.raises(UserError, match="cannot be read as a table"):
        read_case_lists([tmp_path / CALC])
