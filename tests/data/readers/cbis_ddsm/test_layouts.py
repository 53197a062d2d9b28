"""Copies that people have, whole and in part, and what else lies among them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from keras_wa.data.readers.cbis_ddsm import read_case_lists
from keras_wa.data.readers.cbis_ddsm.layouts import (
    BY_HEADER,
    CLASSIC,
    IDC_TREE,
    JPEG,
    find_series,
)
from keras_wa.data.readers.cbis_ddsm.matching import match_files
from keras_wa.data.readers.cbis_ddsm.parts import Header
from keras_wa.data.readers.dicom_index import CACHE_NAME
from tests.data.readers.cbis_ddsm.copies import (
    LAYOUTS,
    case_row,
    listed_parts,
    shortest_dicom,
    touch_copy,
    uid,
    write_lists,
    write_part,
)

ROWS = [case_row(), case_row(number=2), case_row("mass", two_series=True)]


@pytest.fixture
def listed(tmp_path_factory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("lists")
    write_lists(folder, ROWS)
    names = sorted(folder.iterdir())
    return read_case_lists(names).cases


def touch(root: Path, layout: str, rows: list[dict] = ROWS) -> dict[str, str]:
    return touch_copy(root, rows, layout)


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "bare idc"])
def test_no_file_is_opened_where_the_folders_name_the_series(
    tmp_path, listed, layout, monkeypatch
):
    touch(tmp_path, layout)
    monkeypatch.setattr(
        "keras_wa.data.readers.cbis_ddsm.layouts.index_dicoms",
        lambda *arguments: pytest.fail("opened"),
    )
    assert len(find_series(tmp_path, listed).series) == 6
    assert not (tmp_path / CACHE_NAME).exists()


def test_headers_are_read_once_and_remembered(tmp_path, listed, monkeypatch):
    touch(tmp_path, "bare idc")
    first = find_series(tmp_path, listed, progress=False)
    assert (tmp_path / CACHE_NAME).is_file()
    monkeypatch.setattr(
        "pydicom.dcmread",
        lambda *arguments, **more: pytest.fail("read again"),
    )
    assert find_series(tmp_path, listed, progress=False) == first


def test_headers_that_were_read_are_there_to_tell_the_parts_apart(tmp_path, listed):
    for part, path in listed_parts(ROWS):
        target = tmp_path / LAYOUTS["bare idc"](part, path)
        pixels = np.zeros((4, 6), np.uint8 if part == "mask" else np.uint16)
        write_part(target, part, path.split("/")[2], pixels)
    tree = find_series(tmp_path, listed, progress=False)
    described = [header.description for header in tree.headers.values()]
    assert sorted(set(described)) == [
        "cropped images",
        "full mammogram images",
        "roi mask images",
    ]
    assert {header.pixels for header in tree.headers.values()} == {24}


def test_the_table_of_the_kaggle_copy_says_which_jpeg_is_what(tmp_path, listed):
    made = touch(tmp_path / "kaggle", "kaggle")
    lines = ["image_path,SeriesDescription,Rows,Columns,BitsAllocated,Other"]
    for part, path in listed_parts(ROWS):
        described = {"full": "", "crop": "cropped images", "mask": "ROI mask images"}
        bits = 8 if part == "mask" else 16
        lines.append(f"CBIS-DDSM/{made[path]},{described[part]},30,20,{bits},x")
    lines.append("CBIS-DDSM/jpeg/1.2.3/1-001.jpg,cropped images,,,,")
    lines.append(",,,,,")
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "dicom_info.csv").write_text("\n".join(lines))
    tree = find_series(tmp_path, listed)
    assert len(tree.headers) == len(made)
    crop = ROWS[0]["cropped image file path"].strip()
    assert tree.headers[f"kaggle/{made[crop]}"] == Header("cropped images", 600, 16)


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2,3,4\n5", b"image_path\n", b"\xff"])
def test_a_damaged_table_of_the_kaggle_copy_is_passed_over(tmp_path, listed, content):
    touch(tmp_path, "kaggle")
    (tmp_path / "dicom_info.csv").write_bytes(content)
    tree = find_series(tmp_path, listed)
    assert tree.headers == {}
    assert len(tree.series) == 6


def test_parts_of_several_copies_complete_each_other(tmp_path, listed):
    for layout, rows in zip(("classic", "bare idc", "kaggle"), ROWS, strict=True):
        touch(tmp_path, layout, [rows])
    tree = find_series(tmp_path, listed, progress=False)
    assert {series.copy for series in tree.series.values()} == {
        CLASSIC,
        BY_HEADER,
        JPEG,
    }
    assert len(tree.series) == 6


def test_dicom_comes_before_jpeg_and_a_whole_series_before_a_part_of_it(
    tmp_path, listed
):
    touch(tmp_path, "kaggle")
    touch(tmp_path, "idc-index")
    made = touch(tmp_path, "classic")
    crop = ROWS[0]["cropped image file path"].strip()
    os.unlink(tmp_path / made[crop])
    tree = find_series(tmp_path, listed)
    assert tree.series[crop.split("/")[2]].copy == IDC_TREE
    assert JPEG not in {series.copy for series in tree.series.values()}


@pytest.mark.parametrize(("drawn", "real"), [("a", "b"), ("b", "a")])
def test_a_phantom_is_never_mixed_with_the_data_set(tmp_path, listed, drawn, real):
    touch(tmp_path / drawn, "classic")
    (tmp_path / drawn / "phantom_tree.json").write_text("{}")
    phantom = find_series(tmp_path, listed)
    assert len(phantom.series) == 6
    assert phantom.is_phantom
    # Of the data set one mammogram only, and a lossy copy of it at that.
    full = touch(tmp_path / real, "kaggle", ROWS[:1])[ROWS[0]["image file path"]]
    for part in ("cropped image file path", "ROI mask file path"):
        (tmp_path / real / LAYOUTS["kaggle"]("crop", ROWS[0][part])).unlink(True)
    tree = find_series(tmp_path, listed)
    files = [path for series in tree.series.values() for path in series.files]
    assert f"{real}/{full}" in files
    assert all(path.startswith(f"{real}/") for path in files)
    assert not tree.is_phantom


def test_what_is_hidden_or_no_image_is_passed_over(tmp_path, listed):
    made = touch(tmp_path, "classic")
    folder = (tmp_path / made[ROWS[0]["image file path"]]).parent
    for name in ("._000000.dcm", "LICENSE", "notes.txt", "metadata.csv"):
        (folder / name).write_bytes(b"x")
    (tmp_path / ".trash").mkdir()
    (tmp_path / ".trash" / "1-1.dcm").write_bytes(shortest_dicom(uid("x")))
    tree = find_series(tmp_path, listed)
    assert tree.images == len(made)
    assert {len(series.files) for series in tree.series.values()} == {1, 2}


def test_files_of_other_series_are_counted_and_not_taken(tmp_path, listed):
    (tmp_path / uid("other")).mkdir()
    (tmp_path / uid("other") / "1-1.dcm").write_bytes(shortest_dicom(uid("other")))
    tree = find_series(tmp_path, listed, progress=False)
    assert (tree.series, tree.images) == ({}, 1)


def test_two_series_with_the_same_last_digits_are_told_apart_by_their_headers(
    tmp_path,
):
    row = case_row()
    other = case_row(number=2)
    # The same five digits at the end of study and series.
    for column in ("cropped image file path", "ROI mask file path"):
        case, study, series, name = row[column].split("/")
        other[column] = (
            f"{case[:-1]}2/{study[:-7]}77{study[-5:]}/{series[:-7]}77{series[-5:]}/"
            f"{name}"
        )
    write_lists(tmp_path / "lists", [row, other])
    listed = read_case_lists(list((tmp_path / "lists").iterdir())).cases
    made = touch(tmp_path / "copy", "descriptive", [row, other])
    tree = find_series(tmp_path / "copy", listed, progress=False)
    files = match_files(tmp_path / "copy", listed, tree)
    for each, found in zip((row, other), files, strict=True):
        crop = made[each["cropped image file path"].strip()]
        assert crop in (found.crop, found.mask)
