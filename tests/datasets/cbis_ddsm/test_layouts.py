"""Each copy that people have, of all real cases, and copies that are not whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from keras_wa.datasets.cbis_ddsm import find_case_lists, layouts, read_case_lists
from keras_wa.datasets.cbis_ddsm.layouts import (
    BY_HEADER,
    CLASSIC,
    DESCRIPTIVE,
    IDC_TREE,
    JPEG,
    find_series,
)
from keras_wa.datasets.cbis_ddsm.matching import match_files
from keras_wa.datasets.cbis_ddsm.parts import Header
from keras_wa.datasets.dicom_index import CACHE_NAME
from keras_wa.errors import UserError
from tests.datasets.cbis_ddsm.copies import (
    LAYOUTS,
    case_row,
    listed_parts,
    shortest_dicom,
    uid,
    write_lists,
    write_part,
)

KIND = {
    "classic": CLASSIC,
    "classic with new names": CLASSIC,
    "classic in a manifest": CLASSIC,
    "descriptive": DESCRIPTIVE,
    "idc-index": IDC_TREE,
    "bare idc": BY_HEADER,
    "by study": CLASSIC,
    "kaggle": JPEG,
}
ROWS = [case_row(), case_row(number=2), case_row("mass", two_series=True)]


@pytest.fixture
def listed(tmp_path_factory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("lists")
    write_lists(folder, ROWS)
    names = sorted(folder.iterdir())
    return read_case_lists(names).cases


def touch(root: Path, layout: str, rows: list[dict] = ROWS) -> dict[str, str]:
    """Makes the files of a copy; gives each file's path by its listed path."""
    paths = {}
    for part, path in listed_parts(rows):
        paths[path] = LAYOUTS[layout](part, path)
        target = root / paths[path]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(shortest_dicom(path.split("/")[2]))
    return paths


@pytest.fixture(scope="module")
def official(request) -> pd.DataFrame:
    shared_data = request.getfixturevalue("shared_data")
    return read_case_lists(find_case_lists(shared_data / "cbis-ddsm-csv")).cases


@pytest.fixture
def scratch(tmp_path) -> Iterator[Path]:
    """A folder for ten thousand files, in memory where there is such a place."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(
        dir=memory if os.access(memory, os.W_OK) else tmp_path
    ) as folder:
        yield Path(folder)


def all_files(official: pd.DataFrame, layout: str) -> dict[str, str]:
    """Where a whole copy has its files, by their listed paths."""
    return {
        path: LAYOUTS[layout](part, path)
        for part in ("full", "crop", "mask")
        for path in official[f"{part}_listed"].unique()
    }


def assert_all_are_found(
    official: pd.DataFrame, layout: str, made: dict[str, str], root: Path
) -> None:
    tree = find_series(root, official, progress=False)
    assert tree.images == len(made) == 3103 + 2 * 3568
    assert len(tree.series) == 6775
    assert {series.copy for series in tree.series.values()} == {KIND[layout]}
    files = match_files(root, official, tree)
    for row, found in zip(official.itertuples(), files, strict=True):
        assert found.full == made[row.full_listed]
        pair = {made[row.crop_listed], made[row.mask_listed]}
        assert {found.crop, found.mask} == pair
        if found.follows_list:
            assert found.crop == made[row.crop_listed]
    follows = sum(found.follows_list for found in files)
    named = layout.startswith("classic") or layout == "descriptive"
    assert follows == (3568 if named else 104)


@pytest.mark.shared_data
@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "bare idc"])
def test_every_roi_of_the_official_lists_is_found_by_the_names_of_a_copy(
    official, layout, monkeypatch
):
    made = all_files(official, layout)
    monkeypatch.setattr(layouts, "walk_files", lambda root: sorted(made.values()))
    assert_all_are_found(official, layout, made, Path("nowhere"))


@pytest.mark.shared_data
@pytest.mark.parametrize("layout", ["classic", "bare idc", "kaggle"])
def test_every_roi_of_the_official_lists_is_found_on_disk(official, scratch, layout):
    made = all_files(official, layout)
    for folder in {os.path.dirname(path) for path in made.values()}:
        (scratch / folder).mkdir(parents=True)
    for path, file in made.items():
        content = shortest_dicom(path.split("/")[2]) if layout == "bare idc" else b""
        (scratch / file).write_bytes(content)
    assert_all_are_found(official, layout, made, scratch)


@pytest.mark.shared_data
def test_the_real_names_of_the_kaggle_copy_are_those_of_its_own_table(
    official, shared_data, tmp_path, monkeypatch
):
    parts = ("full_jpeg", "mask_jpeg", "cropped_jpeg")
    real = pd.read_csv(shared_data / "cbis-ddsm-csv" / "kaggle_jpeg_paths.csv")
    names = sorted(set(real[list(parts)].to_numpy().ravel()))
    (tmp_path / "csv").mkdir()
    described = pd.concat(
        pd.DataFrame(
            {"image_path": "CBIS-DDSM/" + real[part], "SeriesDescription": text}
        )
        for part, text in zip(
            parts, ("", "ROI mask images", "cropped images"), strict=True
        )
    )
    described.to_csv(tmp_path / "csv" / "dicom_info.csv", index=False)
    monkeypatch.setattr(layouts, "walk_files", lambda root: names)
    tree = find_series(tmp_path, official)
    files = match_files(tmp_path, official, tree)
    found = {(each.full, each.mask, each.crop) for each in files}
    assert set(real[list(parts)].itertuples(index=False, name=None)) < found
    absent = official["roi_id"][[each.crop is None for each in files]]
    assert list(absent) == ["Calc-Training_P_01563_RIGHT_MLO_2"]


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "bare idc"])
def test_no_file_is_opened_where_the_folders_name_the_series(
    tmp_path, listed, layout, monkeypatch
):
    touch(tmp_path, layout)
    monkeypatch.setattr(
        "keras_wa.datasets.cbis_ddsm.layouts.index_dicoms",
        lambda *arguments: pytest.fail("opened"),
    )
    assert len(find_series(tmp_path, listed).series) == 6
    assert not (tmp_path / CACHE_NAME).exists()


def test_headers_are_read_once_and_remembered(tmp_path, listed, monkeypatch):
    touch(tmp_path, "bare idc")
    first = find_series(tmp_path, listed, progress=False)
    assert (tmp_path / CACHE_NAME).is_file()
    monkeypatch.setattr(
        "keras_wa.datasets.dicom_index.pydicom.dcmread",
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
def test_a_file_of_the_data_set_comes_before_a_phantom_of_it(
    tmp_path, listed, drawn, real
):
    touch(tmp_path / drawn, "classic")
    (tmp_path / drawn / "phantom_tree.json").write_text("{}")
    full = touch(tmp_path / real, "kaggle", ROWS[:1])[ROWS[0]["image file path"]]
    tree = find_series(tmp_path, listed)
    uid_of_full = ROWS[0]["image file path"].split("/")[2]
    assert tree.series[uid_of_full].files == (f"{real}/{full}",)
    assert len(tree.series) == 6
    assert tree.phantoms == {drawn}


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


def test_links_to_folders_are_followed_and_a_circle_of_them_ends(tmp_path, listed):
    touch(tmp_path / "elsewhere", "classic")
    root = tmp_path / "root"
    root.mkdir()
    (root / "CBIS-DDSM").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "round").symlink_to(root)
    tree = find_series(root, listed)
    assert len(tree.series) == 6
    assert all(
        file.startswith("CBIS-DDSM/Calc") or file.startswith("CBIS-DDSM/Mass")
        for series in tree.series.values()
        for file in series.files
    )


def test_a_root_that_is_not_there_is_a_user_error(tmp_path, listed):
    with pytest.raises(UserError, match="absent: cannot be listed") as caught:
        find_series(tmp_path / "absent", listed)
    assert "\n" not in str(caught.value)


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
