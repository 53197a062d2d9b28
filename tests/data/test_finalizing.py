"""Which lesions are kept, and what is said of those that are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from keras_wa.data.dataset import Dataset
from keras_wa.data.finalizing import build_dataset
from keras_wa.data.options import ReadOptions


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
        "Left out are 8 of 20 labelled ROIs: benign 5 of 14, malignant 3 of 6; "
        "the share of malignant ROIs went from 30.0 % to 25.0 %.",
    ]


def test_settings_that_change_the_pixels_are_in_the_source():
    assert build(rows(5, split="train")).source == {
        "lesion": "all",
        "crop": "roi",
        "field_mm": 30.0,
        "pixel_spacing_mm": None,
        "for_processing": False,
        "bits_stored": None,
    }
