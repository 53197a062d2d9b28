"""Which lesions are kept, and the test part of a data set without a split."""

from __future__ import annotations

from pathlib import Path

import pytest

from keras_wa.data.dataset import Dataset
from keras_wa.data.finalizing import build_dataset, refuse_official_crops
from keras_wa.data.options import ReadOptions
from keras_wa.errors import UserError


def rows(count: int, **values) -> list[dict]:
    kinds = ["calcification", "mass", "mass", "calcification+mass", None]
    return [
        {
            "roi_id": f"r{i}",
            "patient_id": f"p{i}",
            "label": i % 2,
            "lesion_type": kinds[i % 5],
            **values,
        }
        for i in range(count)
    ]


def build(rows: list[dict], lesion: str = "all", skipped=(), **more) -> Dataset:
    options = ReadOptions(lesion=lesion, crop="roi", field_mm=30.0)
    read = pytest.fail  # Building a data set reads no ROI.
    return build_dataset(
        "x", Path("there"), rows, read, options, 3, skipped=list(skipped), **more
    )


@pytest.mark.parametrize(
    ("lesion", "kept", "left_out"),
    [
        ("calcification", 1, "calcification+mass 1, mass 2, neither 1"),
        ("mass", 2, "calcification 1, calcification+mass 1, neither 1"),
    ],
)
def test_one_lesion_type_is_kept_and_the_others_are_counted(lesion, kept, left_out):
    dataset = build(rows(5, split="train"), lesion)
    assert list(dataset.cases["lesion_type"]) == [lesion] * kept
    (note,) = dataset.notes
    assert f"{kept} of 5 ROIs are kept; left out are {left_out}." in note


def test_a_lesion_type_that_is_not_there_is_a_user_error():
    with pytest.raises(
        UserError, match=r"`lesion='mass'`: none of 2 .* calcification 2;"
    ):
        build(rows(2, lesion_type="calcification"), "mass")


def test_all_lesions_are_kept_without_a_word():
    for lesion, kind in (("all", None), ("mass", "mass")):
        dataset = build(rows(5, split="train", lesion_type=kind), lesion)
        assert (len(dataset.cases), dataset.notes) == (5, [])


def test_a_test_part_is_drawn_and_said_where_there_is_no_split():
    dataset = build(rows(40))
    held = (dataset.cases["split"] == "test").sum()
    assert 6 <= held <= 10
    (note,) = dataset.notes
    assert f"{held} of 40 ROIs (seed 3)" in note
    assert build(rows(40)).cases.equals(dataset.cases)
    assert dataset.split == "drawn by patient (seed 3)"


def test_a_split_that_is_there_stays():
    dataset = build([*rows(4, split="train"), {**rows(5)[4], "split": "test"}])
    assert list(dataset.cases["split"]) == ["train"] * 4 + ["test"]
    assert dataset.split == "the table's own"
    assert dataset.notes == []


def test_how_much_was_left_out_is_said():
    notes = build(rows(4, split="train"), skipped=[("a", "b")] * 3).notes
    assert notes == ["Left out, each with its reason: 3 files or rows."]


def test_lost_rois_are_counted_by_class_with_the_share_that_they_changed():
    given = rows(12, split="train", lesion_type="mass")
    given = [{**row, "label": int(i < 3)} for i, row in enumerate(given)]
    lost = [{"label": int(i < 3), "lesion_type": "mass"} for i in range(8)]
    lost.append({"label": 1, "lesion_type": "calcification"})  # It was not asked for.
    assert build(given, "mass", notes=["first"], lost=lost).notes == [
        "first",
        "Among what was left out are 8 of 20 ROIs: benign 5 of 14, malignant 3 of 6; "
        "the share of malignant ROIs went from 30.0 % to 25.0 %.",
    ]


def test_nothing_left_names_the_first_reason():
    with pytest.raises(UserError, match=r"there: no ROI is left.* 1 files .*: a: bad"):
        build([], skipped=[("a", "bad")])
    with pytest.raises(UserError, match=r"a\.csv: no ROI is left.*one ROI\.$"):
        build([], "mass", table=Path("a.csv"))


def test_official_crops_are_refused():
    with pytest.raises(UserError, match="`crop='official'`: X ships no crops"):
        refuse_official_crops(ReadOptions(crop="official"), "X")
    refuse_official_crops(ReadOptions(), "X")


def test_settings_that_change_the_pixels_are_in_the_source():
    assert build(rows(5, split="train")).source == {
        "lesion": "all",
        "crop": "roi",
        "field_mm": 30.0,
        "pixel_spacing_mm": None,
        "for_processing": False,
        "bits_stored": None,
    }
