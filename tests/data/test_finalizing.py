"""Which lesions are kept, and the test part of a data set without a split."""

from __future__ import annotations

import pytest

from keras_wa.data.finalizing import (
    choose_lesion,
    finish_cases,
    pixel_settings,
    refuse_official_crops,
)
from keras_wa.data.options import ReadOptions
from keras_wa.errors import UserError

KINDS = ["calcification", "mass", "mass", "calcification+mass", None]


def rows(count: int, **values) -> list[dict]:
    return [
        {"roi_id": f"r{i}", "patient_id": f"p{i}", "label": i % 2, **values}
        for i in range(count)
    ]


@pytest.mark.parametrize(
    ("lesion", "kept", "left_out"),
    [
        ("calcification", 1, "calcification+mass 1, mass 2, neither 1"),
        ("mass", 2, "calcification 1, calcification+mass 1, neither 1"),
    ],
)
def test_one_lesion_type_is_kept_and_the_others_are_counted(lesion, kept, left_out):
    chosen, (note,) = choose_lesion([{"lesion_type": kind} for kind in KINDS], lesion)
    assert [row["lesion_type"] for row in chosen] == [lesion] * kept
    assert f"{kept} of 5 ROIs are kept; left out are {left_out}." in note


def test_a_lesion_type_that_is_not_there_is_a_user_error():
    with pytest.raises(
        UserError, match=r"`lesion='mass'`: none of 2 .* calcification 2;"
    ):
        choose_lesion([{"lesion_type": "calcification"}] * 2, "mass")
    assert choose_lesion([], "mass") == ([], [])


def test_all_lesions_are_kept_without_a_word():
    every = [{"lesion_type": kind} for kind in KINDS]
    assert choose_lesion(every, "all") == (every, [])
    assert choose_lesion(every[:1], "calcification") == (every[:1], [])


def test_a_test_part_is_drawn_and_said_where_there_is_no_split():
    cases, split, (note,) = finish_cases(rows(40), "there", [], seed=3)
    held = (cases["split"] == "test").sum()
    assert 6 <= held <= 10
    assert f"{held} of 40 ROIs (seed 3)" in note
    again, *_ = finish_cases(rows(40), "there", [], seed=3)
    assert again.equals(cases)
    assert split == "drawn by patient (seed 3)"


def test_a_split_that_is_there_stays():
    given = [*rows(4, split="train"), {**rows(5)[4], "split": "test"}]
    cases, split, notes = finish_cases(given, "there", [], seed=0)
    assert list(cases["split"]) == ["train"] * 4 + ["test"]
    assert split == "the table's own"
    assert notes == []


def test_how_much_was_left_out_is_said():
    *_, notes = finish_cases(rows(4, split="train"), "there", [("a", "b")] * 3, seed=0)
    assert notes == ["Left out, each with its reason: 3 files or rows."]


def test_lost_rois_are_counted_by_class_with_the_share_that_they_changed():
    given = [{**row, "label": int(i < 3)} for i, row in enumerate(rows(12))]
    given = [{**row, "split": "train"} for row in given]
    lost = [{"label": 1}] * 3 + [{"label": 0}] * 5
    *_, (_, note) = finish_cases(given, "there", [("a", "b")] * 9, 0, lost=lost)
    assert note == (
        "Among what was left out are 8 of 20 ROIs: benign 5 of 14, malignant 3 of 6; "
        "the share of malignant ROIs went from 30.0 % to 25.0 %."
    )


def test_nothing_left_names_the_first_reason():
    with pytest.raises(UserError, match=r"there: no ROI is left.* 1 files .*: a: bad"):
        finish_cases([], "there", [("a", "bad")], seed=0)
    with pytest.raises(UserError, match=r"there: no ROI is left.*one ROI\.$"):
        finish_cases([], "there", [], seed=0)


def test_official_crops_are_refused():
    with pytest.raises(UserError, match="`crop='official'`: X ships no crops"):
        refuse_official_crops(ReadOptions(crop="official"), "X")
    refuse_official_crops(ReadOptions(), "X")


def test_settings_that_change_the_pixels_are_in_the_source():
    assert pixel_settings(ReadOptions(crop="roi", field_mm=30.0)) == {
        "lesion": "calcification",
        "crop": "roi",
        "field_mm": 30.0,
        "pixel_spacing_mm": None,
        "for_processing": False,
        "bits_stored": None,
    }
