"""Every ROI of the official case lists is found in each copy that people have."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from keras_wa.data.readers.cbis_ddsm import find_case_lists, layouts, read_case_lists
from keras_wa.data.readers.cbis_ddsm.layouts import (
    BY_HEADER,
    CLASSIC,
    DESCRIPTIVE,
    IDC_TREE,
    JPEG,
    find_series,
)
from keras_wa.data.readers.cbis_ddsm.matching import match_files
from tests.data.readers.cbis_ddsm.copies import LAYOUTS, shortest_dicom

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
def test_every_roi_of_the_official_lists_is_found_by_the_headers(official, scratch):
    made = all_files(official, "bare idc")
    for folder in {os.path.dirname(path) for path in made.values()}:
        (scratch / folder).mkdir(parents=True)
    for path, file in made.items():
        (scratch / file).write_bytes(shortest_dicom(path.split("/")[2]))
    assert_all_are_found(official, "bare idc", made, scratch)


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
