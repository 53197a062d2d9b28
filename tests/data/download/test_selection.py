"""What is asked for decides which series are fetched."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from keras_wa.data.download import read_index, select_all, select_cbis_ddsm
from keras_wa.data.readers.cbis_ddsm import find_case_lists, read_case_lists
from keras_wa.errors import UserError
from tests.data.download import small_idc


@pytest.fixture
def cases(tmp_path: Path) -> pd.DataFrame:
    return small_idc.cases(tmp_path)


@pytest.fixture
def index() -> pd.DataFrame:
    return small_idc.index()


def test_a_series_has_its_place_its_objects_and_its_size(index, cases):
    series = select_cbis_ddsm(index, cases, "all").series
    assert list(series["folder"]) == [
        small_idc.path_in_place(row) for _, row in index.iterrows()
    ]
    contents = small_idc.objects()
    for row in series.itertuples():
        start = row.url.removeprefix("s3://").removesuffix("*")
        inside = [len(body) for path, body in contents.items() if start in path]
        assert (len(inside), sum(inside)) == (row.files, row.bytes)


@pytest.mark.parametrize(
    ("lesion", "parts", "expected"),
    [
        ("calcification", ("full",), {"full mammogram": 2}),
        ("mass", ("full",), {"full mammogram": 2}),
        ("mass", ("crops",), {"crop and mask": 1, "crop": 1}),
        ("mass", ("masks",), {"crop and mask": 1, "mask": 1}),
        ("mass", ("crops", "masks"), {"crop and mask": 1, "crop": 1, "mask": 1}),
        (
            "all",
            ("crops", "full"),
            {"crop and mask": 4, "crop": 1, "full mammogram": 4},
        ),
    ],
)
def test_lesion_and_parts_choose_the_series(index, cases, lesion, parts, expected):
    series = select_cbis_ddsm(index, cases, lesion, parts).series
    assert series["part"].value_counts().to_dict() == expected


def test_what_comes_along_because_it_shares_a_series_is_told(index, cases):
    crops = select_cbis_ddsm(index, cases, "calcification", ("crops",))
    assert crops.notes == [
        "3 ROIs have crop and mask in one series: the masks come along."
    ]
    both = select_cbis_ddsm(index, cases, "calcification", ("crops", "masks"))
    assert both.notes == []


def test_patients_with_the_lowest_numbers_are_kept_whole(index, cases):
    one = select_cbis_ddsm(index, cases, "all", limit_patients=1)
    two = select_cbis_ddsm(index, cases, "all", limit_patients=2)
    assert set(one.series["patient_id"]) == {"P_00005"}
    assert set(two.series["patient_id"]) == {"P_00005", "P_00007"}
    assert set(one.series["series"]) < set(two.series["series"])
    assert one.what == "calcification and mass: 2 ROIs of 1 patients"


def test_a_series_that_disagrees_with_the_list_is_left_out_and_told(index, cases):
    index.loc[0, "instanceCount"] = 7
    selection = select_cbis_ddsm(index, cases, "calcification", ("full",))
    assert len(selection.series) == 1
    (note,) = selection.notes
    assert index["SeriesInstanceUID"][0] in note
    assert "instances. Received: 7; expected 1" in note


def test_a_listed_series_that_the_index_lacks_is_told(index, cases):
    selection = select_cbis_ddsm(index.drop(index=0), cases, "all")
    assert any(index["SeriesInstanceUID"][0] in note for note in selection.notes)


def test_lists_of_another_data_set_are_refused(index, cases):
    with pytest.raises(UserError, match=r"No series of IDC.*5 ROIs"):
        select_cbis_ddsm(index[:0], cases, "all")


def test_all_of_a_collection_or_its_first_patients(index):
    everything = select_all(index, "cbis_ddsm")
    assert len(everything.series) == len(index)
    assert everything.what == "9 patients"
    some = select_all(index, "cbis_ddsm", limit_patients=3)
    assert some.series["patient_id"].nunique() == 3
    assert set(some.series["part"]) == {"mammograms"}


@pytest.mark.shared_data
def test_the_real_calcifications_have_a_series_for_each_part(shared_data: Path):
    index = read_index("cbis_ddsm").series
    lists = find_case_lists(shared_data / "cbis-ddsm-csv", "calcification")
    selection = select_cbis_ddsm(index, read_case_lists(lists).cases)
    assert selection.notes == []
    assert selection.what == "calcification: 1872 ROIs of 753 patients"
    assert selection.series["part"].value_counts().to_dict() == {
        "crop and mask": 1871,
        "full mammogram": 1511,
        "crop": 1,
        "mask": 1,
    }
    assert round(selection.series["bytes"].sum() / 1e9, 1) == 81.0
