from __future__ import annotations

import pandas as pd
import pytest

from keras_wa.phantom.case_list_rates import joint_counts, other_counts

RENAMED = {
    "breast density": "density",
    "left or right breast": "breast",
    "image view": "view",
    "abnormality id": "lesion",
    "calc type": "morphology",
    "calc distribution": "distribution",
}


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


def count(cases: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    return cases.groupby(columns).size().rename("count").reset_index()


def count_other(cases: pd.DataFrame) -> pd.DataFrame:
    cases = cases.assign(kind=cases["morphology"] + "|" + cases["distribution"])
    lesions = (
        cases.sort_values(["patient_id", "breast", "lesion", "view"])
        .groupby(["patient_id", "breast", "lesion"], as_index=False)
        .agg(view=("view", "+".join), kind=("kind", "first"))
    )
    rois = lesions["patient_id"].map(cases["patient_id"].value_counts()).astype(str)
    further = lesions.duplicated("patient_id")

    def same(column: str) -> pd.Series:
        first = lesions.groupby("patient_id")[column].transform("first")
        return (lesions[column] == first)[further].map({True: "yes", False: "no"})

    parts = []
    for table, given, value in (
        ("assessment", cases["pathology"], cases["assessment"]),
        ("subtlety", "", cases["subtlety"]),
        ("breast", "", cases["breast"]),
        ("views", rois, lesions["view"]),
        ("same_kind", "", same("kind")),
        ("same_breast", "", same("breast")),
    ):
        frame = pd.DataFrame({"table": table, "value": value.astype(str)})
        columns = ["table", "given", "value"]
        parts.append(count(frame.assign(given=given), columns))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.shared_data
def test_embedded_counts_equal_those_of_the_official_lists(shared_data):
    folder = shared_data / "cbis-ddsm-csv"
    cases = pd.concat(
        pd.read_csv(folder / f"calc_case_description_{part}_set.csv")
        for part in ("train", "test")
    ).rename(columns=RENAMED)
    cases = cases.fillna({"morphology": "", "distribution": ""}).assign(
        rois_per_patient=cases.groupby("patient_id")["view"].transform("size")
    )
    joint = count(cases, list(joint_counts().columns[:-1]))

    pd.testing.assert_frame_equal(joint, joint_counts(), check_dtype=False)
    pd.testing.assert_frame_equal(count_other(cases), other_counts(), check_dtype=False)
