"""The three files of an ROI, when they are there and when they are not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from keras_wa.data.readers.cbis_ddsm import read_case_lists
from keras_wa.data.readers.cbis_ddsm.layouts import CLASSIC, JPEG, Series, Tree
from keras_wa.data.readers.cbis_ddsm.matching import Files, match_files
from keras_wa.data.readers.cbis_ddsm.parts import Header
from tests.data.readers.cbis_ddsm.copies import (
    case_row,
    mask_of,
    write_lists,
    write_part,
)

CROP, MASK = Header("cropped images"), Header("roi mask images")


def listed(folder: Path, row: dict) -> pd.DataFrame:
    lists = folder / row["list"][0]
    write_lists(lists, [row])
    return read_case_lists(list(lists.iterdir())).cases


def match(
    folder: Path,
    row: dict,
    *names: str,
    headers: dict[str, Header] | None = None,
    copy: str = CLASSIC,
) -> Files:
    """Matches an ROI whose crop-and-mask series has files of these names."""
    cases = listed(folder, row)
    series = {}
    if names:
        uid = cases["crop_listed"].iloc[0].split("/")[2]
        series[uid] = Series(copy, tuple(f"s/{name}" for name in names))
    known = {f"s/{name}": header for name, header in (headers or {}).items()}
    (files,) = match_files(folder, cases, Tree(series, known, len(names)))
    return files


@pytest.mark.parametrize(
    ("names", "lesion", "crop"),
    [
        (("000000.dcm", "000001.dcm"), "calcification", "000001.dcm"),
        (("000000.dcm", "000001.dcm"), "mass", "000000.dcm"),
        (("1-1.dcm", "1-2.dcm"), "calcification", "1-2.dcm"),
        (("1-1.dcm", "1-2.dcm"), "mass", "1-1.dcm"),
        (("1-1.png", "1-2.png", "overview.png"), "mass", "1-1.png"),
    ],
)
def test_the_list_says_which_is_which_where_nothing_else_does(
    tmp_path, names, lesion, crop
):
    files = match(tmp_path, case_row(lesion), *names)
    assert files.crop == f"s/{crop}"
    assert files.mask in {f"s/{name}" for name in names[:2]} - {files.crop}
    assert (files.follows_list, files.swapped, files.copy) == (True, False, CLASSIC)
    assert files.full is None


def test_headers_that_say_otherwise_are_believed(tmp_path):
    names = ("1-1.dcm", "1-2.dcm")
    headers = dict(zip(names, (CROP, MASK), strict=True))
    files = match(tmp_path, case_row(), *names, headers=headers)
    assert (files.crop, files.mask) == ("s/1-1.dcm", "s/1-2.dcm")
    assert files.swapped
    assert not match(tmp_path, case_row("mass"), *names, headers=headers).swapped


def test_names_that_the_list_does_not_have_are_not_called_swapped(tmp_path):
    names = ("a.dcm", "b.dcm")
    for first, second in ((CROP, MASK), (MASK, CROP)):
        headers = dict(zip(names, (first, second), strict=True))
        files = match(tmp_path, case_row(), *names, headers=headers)
        assert headers[files.crop[2:]] is CROP
        assert headers[files.mask[2:]] is MASK
        assert not files.swapped
        assert not files.follows_list
    files = match(tmp_path, case_row(), "1-107.jpg", "2-191.jpg", copy=JPEG)
    assert {files.crop, files.mask} == {"s/1-107.jpg", "s/2-191.jpg"}
    assert not files.follows_list


def test_crop_and_mask_in_two_series_are_matched_by_series(tmp_path):
    row = case_row("mass", two_series=True)
    cases = listed(tmp_path, row)
    uids = [cases[f"{part}_listed"].iloc[0].split("/")[2] for part in ("crop", "mask")]
    series = {uid: Series(CLASSIC, (f"{uid}/1-1.dcm",)) for uid in (uids[1], uids[0])}
    (files,) = match_files(tmp_path, cases, Tree(series, {}, 2))
    assert (files.crop, files.mask) == tuple(f"{uid}/1-1.dcm" for uid in uids)
    assert files.follows_list
    headers = {f"{uids[0]}/1-1.dcm": MASK, f"{uids[1]}/1-1.dcm": CROP}
    (files,) = match_files(tmp_path, cases, Tree(series, headers, 2))
    assert files.crop == f"{uids[1]}/1-1.dcm"
    assert files.swapped


OTHER = {"crop": "mask", "mask": "crop"}
# The list of calcifications has the mask first.
LISTED = {"1-1.dcm": "mask", "1-2.dcm": "crop"}


@pytest.mark.parametrize("described", ["rightly", "not", "wrongly"])
@pytest.mark.parametrize("part", ["crop", "mask"])
@pytest.mark.parametrize("name", ["1-1.dcm", "1-2.dcm", "x.dcm"])
def test_of_a_single_file_header_bits_or_pixels_say_what_it_is(
    tmp_path, name, part, described
):
    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8)
    if part == "mask":
        pixels = (pixels > 30).astype(np.uint8)
    # A wrong description contradicts the bits.
    wrong = OTHER[part] if described == "wrongly" else part
    fields = {"SeriesDescription": None} if described == "not" else {}
    write_part(tmp_path / "s" / name, wrong, "1.2", pixels, **fields)
    files = match(tmp_path, case_row(), name)
    assert getattr(files, part) == f"s/{name}"
    assert getattr(files, OTHER[part]) is None
    assert files.swapped == (part != LISTED.get(name, part))


@pytest.mark.parametrize(
    ("part", "pixels"),
    [
        ("crop", np.arange(64) + mask_of((64, 64), (24, 20, 20, 20)) // 4),
        ("mask", mask_of((64, 64), (24, 20, 20, 20))),
        ("mask", np.zeros((8, 8))),  # Blank: without a lesion.
    ],
)
def test_of_a_single_jpeg_the_pixels_say_what_it_is(tmp_path, part, pixels):
    (tmp_path / "s").mkdir()
    assert cv2.imwrite(str(tmp_path / "s/1-107.jpg"), pixels.astype(np.uint8))
    files = match(tmp_path, case_row(), "1-107.jpg", copy=JPEG)
    assert getattr(files, part) == "s/1-107.jpg"
    assert getattr(files, OTHER[part]) is None


def test_of_a_single_damaged_file_that_the_list_does_not_name_the_damage_is_told(
    tmp_path,
):
    (tmp_path / "s").mkdir()
    (tmp_path / "s/x.dcm").write_bytes(b"")
    files = match(tmp_path, case_row(), "x.dcm")
    assert files.problem.startswith("crop or mask? s/x.dcm: the file is empty")
    # What the list names is read as that, which will tell.
    (tmp_path / "s/1-1.dcm").write_bytes(b"")
    files = match(tmp_path, case_row(), "1-1.dcm")
    assert (files.mask, files.problem) == ("s/1-1.dcm", "")


@pytest.mark.parametrize("there", ["crop", "mask"])
@pytest.mark.parametrize("header", [CROP, MASK])
def test_of_two_series_the_one_that_is_there_is_told_by_its_header(
    tmp_path, there, header
):
    cases = listed(tmp_path, case_row("mass", two_series=True))
    uid = cases[f"{there}_listed"].iloc[0].split("/")[2]
    series = {uid: Series(CLASSIC, ("s/1-1.dcm",))}
    (files,) = match_files(tmp_path, cases, Tree(series, {"s/1-1.dcm": header}, 1))
    part = {CROP: "crop", MASK: "mask"}[header]
    assert getattr(files, part) == "s/1-1.dcm"
    assert getattr(files, OTHER[part]) is None
    assert files.swapped == (part != there)


@pytest.mark.parametrize(
    ("name", "part"), [("1-1.dcm", "mask"), ("1-2.dcm", "crop"), ("x.dcm", "crop")]
)
def test_of_a_single_file_without_a_header_its_name_says_it(tmp_path, name, part):
    files = match(tmp_path, case_row(), name)
    assert getattr(files, part) == f"s/{name}"


def test_more_files_than_two_that_the_list_does_not_name_are_a_problem(tmp_path):
    files = match(tmp_path, case_row(), "a.dcm", "b.dcm", "c.dcm")
    assert (files.crop, files.mask) == (None, None)
    assert files.problem.startswith("3 files in the series of its crop and mask")


def test_an_roi_without_a_file_has_none(tmp_path):
    assert match(tmp_path, case_row()) == Files()
