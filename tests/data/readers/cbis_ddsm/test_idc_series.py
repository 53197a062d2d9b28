"""Each of IDC's series gets its case and part, or the reason why it has none."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from keras_wa.data.download import read_index
from keras_wa.data.readers.cbis_ddsm import find_case_lists, read_case_lists
from keras_wa.data.readers.cbis_ddsm.idc_series import (
    QUIRKS,
    assign_series,
    describe,
    missing_series,
)
from tests.data.download import small_idc


@pytest.fixture
def cases(tmp_path: Path) -> pd.DataFrame:
    return small_idc.cases(tmp_path)


@pytest.fixture
def index() -> pd.DataFrame:
    return small_idc.index()


def test_every_series_of_a_listed_case_is_assigned(index, cases):
    found = assign_series(index, cases)
    assert found["reason"].isna().all()
    assert list(found["SeriesInstanceUID"]) == list(index["SeriesInstanceUID"])
    assert found["part"].value_counts().to_dict() == {
        "full": 4,
        "crop+mask": 4,
        "crop": 1,
        "mask": 1,
    }


def test_a_mammogram_belongs_to_all_of_its_rois(index, cases):
    found = assign_series(index, cases).set_index("PatientID")
    full = found.loc["Calc-Training_P_00005_LEFT_CC"]
    assert full["rois"] == (
        "Calc-Training_P_00005_LEFT_CC_1 Calc-Training_P_00005_LEFT_CC_2"
    )
    assert full["patient_id"] == "P_00005"
    assert full["lesion_type"] == "calcification"
    assert full["several_rois"]
    crop = found.loc["Calc-Training_P_00005_LEFT_CC_2"]
    assert crop["rois"] == "Calc-Training_P_00005_LEFT_CC_2"
    assert not crop["several_rois"]


def test_what_is_odd_is_told_and_does_not_stop_the_assignment(index, cases):
    found = assign_series(index, cases)
    odd = {name: set(found["PatientID"][found[name]]) for name in QUIRKS}
    assert odd["no_description"] == {"P_00007_RIGHT_MLO.dcm"}
    assert odd["short_id"] == {"P_00007_RIGHT_MLO.dcm", "P_00007_RIGHT_MLO_1.dcm"}
    assert odd["contradicts_list"] == {"Mass-Test_P_00007_LEFT_CC_1"}
    assert found["contradicts_list"].sum() == 1  # The mask, not its crop.
    assert (found["two_instances"] == (found["part"] == "crop+mask")).all()


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("SeriesInstanceUID", "1.2.3", "in none of the case lists"),
        ("StudyInstanceUID", "1.2.3", "StudyInstanceUID differs"),
        (
            "PatientID",
            "Calc-Test_P_00008_LEFT_CC",
            "Received: Calc-Test_P_00008_LEFT_CC; expected Calc-Training_P_00005_LEFT",
        ),
        ("PatientID", None, "PatientID. Received: none"),
        ("instanceCount", 3, "instances. Received: 3; expected 1"),
    ],
)
def test_what_disagrees_with_the_list_is_not_assigned(
    index, cases, column, value, reason
):
    index.loc[0, column] = value
    first = assign_series(index, cases).iloc[0]
    assert reason in first["reason"]
    assert first[["part", "rois", "patient_id", "lesion_type"]].isna().all()
    assert not first[list(QUIRKS)].any()


def test_a_series_that_two_cases_claim_is_not_assigned(index, cases):
    # The mammogram of the first case stands as the crop of the last one, too.
    cases.loc[4, "crop_listed"] = cases.loc[0, "full_listed"]
    found = assign_series(index, cases)
    assert "for several cases or parts" in found["reason"].iloc[0]


def test_the_summary_counts_what_is_assigned_odd_and_not_assigned(index, cases):
    lost = index["SeriesInstanceUID"][0]
    index.loc[0, "SeriesInstanceUID"] = "1.2.3"
    found = assign_series(index, cases)
    missing = missing_series(index, cases)
    assert list(missing["SeriesInstanceUID"]) == [lost]
    assert missing["part"].item() == "full"
    text = describe(found, missing)
    assert "10 series: 9 assigned, 1 not. Listed, but not in the index: 1." in text
    assert "| mask | mass | cropped images | 1 | 1 | 0.00 |" in text
    assert "| full | calcification | (none) | 1 | 1 | 0.00 |" in text
    assert f"| {QUIRKS['no_description']} | 1 | `P_00007_RIGHT_MLO.dcm` |" in text
    assert (
        "| SeriesInstanceUID is in none of the case lists | 1 | "
        "`Calc-Training_P_00005_LEFT_CC` |"
    ) in text


def test_the_summary_says_nothing_of_reasons_where_all_are_assigned(index, cases):
    text = describe(assign_series(index, cases), missing_series(index, cases))
    assert "Not assigned" not in text
    assert f"| {QUIRKS['several_rois']} | 1 |" in text


@pytest.mark.shared_data
def test_all_of_the_real_series_are_accounted_for(shared_data: Path):
    index = read_index("cbis_ddsm").series
    cases = read_case_lists(find_case_lists(shared_data / "cbis-ddsm-csv")).cases
    found = assign_series(index, cases)
    assert len(found) == found["SeriesInstanceUID"].nunique() == 6775
    assert found["reason"].isna().all()
    assert missing_series(index, cases).empty
    assert found["part"].value_counts().to_dict() == {
        "crop+mask": 3464,
        "full": 3103,
        "crop": 104,
        "mask": 104,
    }
    rois = found["rois"].str.split().explode()
    assert set(rois) == set(cases["roi_id"])
    assert {name: int(found[name].sum()) for name in QUIRKS} == {
        "no_description": 246,
        "short_id": 396,
        "two_instances": 3464,
        "contradicts_list": 2,
        "several_rois": 293,
    }
