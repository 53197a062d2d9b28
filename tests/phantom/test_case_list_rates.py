from __future__ import annotations

import pandas as pd
import pytest

from keras_wa.errors import UserError
from keras_wa.phantom.case_list_rates import (
    JOINT_COLUMNS,
    count_joint,
    count_other,
    joint_counts,
    other_counts,
    read_case_lists,
)

HEADER = (
    "patient_id,breast density,left or right breast,image view,abnormality id,"
    "calc type,calc distribution,assessment,pathology,subtlety"
)
# Patient A: a lesion in both views and another kind in the other breast; B: one view.
ROWS = """
A,2,LEFT,CC,1,PLEOMORPHIC,CLUSTERED,4,MALIGNANT,3
A,2,LEFT,MLO,1,PLEOMORPHIC,CLUSTERED,4,MALIGNANT,3
A,2,RIGHT,MLO,1,COARSE,,2,BENIGN_WITHOUT_CALLBACK,5
B,3,LEFT,CC,1,PLEOMORPHIC,CLUSTERED,4,MALIGNANT,3
"""


@pytest.fixture
def cases(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(HEADER + ROWS, encoding="utf-8")
    return read_case_lists([path])


def test_rois_of_one_kind_are_counted_together(cases):
    counts = count_joint(cases)

    found = {tuple(row[:-1]): row[-1] for row in counts.values.tolist()}
    assert found == {
        ("PLEOMORPHIC", "CLUSTERED", 2, "MALIGNANT", "CC", 3): 1,
        ("PLEOMORPHIC", "CLUSTERED", 2, "MALIGNANT", "MLO", 3): 1,
        ("COARSE", "", 2, "BENIGN_WITHOUT_CALLBACK", "MLO", 3): 1,
        ("PLEOMORPHIC", "CLUSTERED", 3, "MALIGNANT", "CC", 1): 1,
    }


def test_lesions_are_counted_by_their_views_and_by_the_patients_first(cases):
    counts = count_other(cases).set_index(["table", "given", "value"])["count"]

    assert counts["views", "3", "CC+MLO"] == 1
    assert counts["views", "3", "MLO"] == 1
    assert counts["views", "1", "CC"] == 1
    assert counts["same_kind"].to_dict() == {("", "no"): 1}
    assert counts["same_breast"].to_dict() == {("", "no"): 1}
    assert counts["assessment", "MALIGNANT", "4"] == 3


def test_missing_column_is_named(tmp_path):
    path = tmp_path / "masses.csv"
    path.write_text("patient_id,mass shape\nA,ROUND\n", encoding="utf-8")

    with pytest.raises(UserError, match=r"masses\.csv .*calc type"):
        read_case_lists([path])


def test_embedded_counts_have_the_published_totals():
    counts = joint_counts()

    assert counts["count"].sum() == 1546 + 326
    by_pathology = counts.groupby("pathology")["count"].sum().to_dict()
    assert by_pathology == {
        "BENIGN": 528 + 130,
        "BENIGN_WITHOUT_CALLBACK": 474 + 67,
        "MALIGNANT": 544 + 129,
    }
    # Each patient with n ROIs adds n to the count of the ROIs whose patient has n.
    per_size = counts.groupby("rois_per_patient")["count"].sum()
    assert (per_size / per_size.index).sum() == 602 + 151


@pytest.mark.shared_data
def test_embedded_counts_equal_those_of_the_official_lists(shared_data):
    folder = shared_data / "cbis-ddsm-csv"
    cases = read_case_lists(
        [folder / f"calc_case_description_{part}_set.csv" for part in ("train", "test")]
    )

    pd.testing.assert_frame_equal(count_joint(cases), joint_counts(), check_dtype=False)
    pd.testing.assert_frame_equal(count_other(cases), other_counts(), check_dtype=False)
    assert tuple(joint_counts().columns) == (*JOINT_COLUMNS, "count")
