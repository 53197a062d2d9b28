"""The dataset: its rows, its split, and what the user is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from keras_wa.data import ReadOptions
from keras_wa.data.case_table import validate
from keras_wa.data.readers.cbis_ddsm import read_cbis_ddsm
from keras_wa.data.readers.cbis_ddsm.reader import PHANTOM_NOTE
from keras_wa.data.readers.cbis_ddsm.stated_spacing import ASSUMED_MM, SCANNERS_MM
from keras_wa.errors import UserError
from keras_wa.testing import run_dataset_test
from tests.data.readers.cbis_ddsm.copies import (
    case_row,
    listed_parts,
    shortest_dicom,
    touch_copy,
    write_copy,
    write_lists,
)

ROWS = [
    case_row(),
    case_row(patient="P_00003", pathology="BENIGN_WITHOUT_CALLBACK"),
    case_row(number=2, pathology="BENIGN"),
    case_row(part="test", patient="P_00002", view="MLO"),
    case_row(part="test", patient="P_00004", pathology="BENIGN"),
]
MASSES = [
    case_row("mass", part="test"),
    case_row("mass", patient="P_00002", view="MLO", two_series=True),
    case_row("mass", patient="P_00009", pathology="BENIGN"),
]


def touch(root: Path, rows: list[dict], layout: str = "classic") -> dict[str, str]:
    """Lists and a copy whose files hold nothing; gives the paths by listed path."""
    write_lists(root, rows)
    return touch_copy(root, rows, layout)


def note(notes: list[str], start: str) -> str:
    (found,) = [each for each in notes if each.startswith(start)]
    return found


def test_the_table_is_valid_and_its_paths_are_relative_to_the_root(tmp_path):
    paths = touch(tmp_path, ROWS, "classic in a manifest")
    dataset = run_dataset_test("cbis-ddsm", tmp_path, pixels=0)
    cases = dataset.cases
    assert (dataset.name, dataset.root, dataset.skipped) == ("cbis-ddsm", tmp_path, [])
    listed = {path.split("/")[0]: path for path in paths}
    for _, row in cases.iterrows():
        assert row["image_path"] == paths[listed[row["roi_id"][:-2]]]
        assert row["crop_path"].startswith(f"manifest-16/CBIS-DDSM/{row['roi_id']}/")
        assert row["mask_path"] != row["crop_path"]
    assert cases["pixel_spacing_mm"].isna().all()


def test_lesions_of_one_mammogram_stand_next_to_each_other(tmp_path):
    touch(tmp_path, ROWS)
    cases = read_cbis_ddsm(tmp_path).cases
    patients = cases["patient_id"].str[-1] + cases["roi_id"].str[-2:]
    assert list(patients) == ["1_1", "1_2", "3_1", "2_1", "4_1"]


def test_the_lesion_type_is_that_of_the_options(tmp_path):
    touch(tmp_path, ROWS + MASSES)
    for lesion, rois in (("calcification", 5), ("mass", 3), ("all", 8)):
        dataset = read_cbis_ddsm(tmp_path, ReadOptions(lesion=lesion))
        types = set(dataset.cases["lesion_type"])
        assert types == ({"calcification", "mass"} if lesion == "all" else {lesion})
        assert len(dataset.cases) == rois
        assert dataset.source["lesion"] == lesion


def test_pooled_lesions_leave_no_patient_in_two_parts(tmp_path):
    touch(tmp_path, ROWS + MASSES)
    apart = read_cbis_ddsm(tmp_path)
    assert apart.cases["split"].value_counts().to_dict() == {"train": 3, "test": 2}
    assert not [each for each in apart.notes if each.startswith("Official split")]
    pooled = read_cbis_ddsm(tmp_path, ReadOptions(lesion="all"))
    parts = pooled.cases.groupby("patient_id")["split"].agg(set)
    assert parts["P_00001"] == parts["P_00002"] == {"test"}
    assert parts["P_00003"] == parts["P_00009"] == {"train"}
    moved = [each for each in pooled.notes if each.startswith("Official split")]
    assert pooled.split == "official, 3 ROIs moved to test"
    assert apart.split == "official"
    assert [each.split("lesions: ")[1] for each in moved] == [
        "1 (ROIs, calcification: 2).",
        "1 (ROIs, mass: 1).",
    ]


@pytest.mark.parametrize("drop", [False, True])
def test_what_becomes_of_benign_without_callback_is_said(tmp_path, drop):
    touch(tmp_path, ROWS)
    dataset = read_cbis_ddsm(tmp_path, ReadOptions(drop_without_callback=drop))
    kept = dataset.cases["pathology"] == "BENIGN_WITHOUT_CALLBACK"
    assert kept.sum() == (0 if drop else 1)
    assert set(dataset.cases.loc[kept, "label"]) <= {0}
    assert note(dataset.notes, "BENIGN_WITHOUT_CALLBACK") == (
        "BENIGN_WITHOUT_CALLBACK left out: 1 ROIs."
        if drop
        else "BENIGN_WITHOUT_CALLBACK counts as benign: 1 ROIs."
    )
    assert dataset.source["drop_without_callback"] is drop


@pytest.mark.parametrize(
    ("layout", "copy"),
    [
        ("classic", "NBIA's classic tree"),
        ("descriptive", "NBIA's descriptive tree"),
        ("idc-index", "tree of idc-index"),
        ("bare idc", "DICOM files known by their headers"),
        ("kaggle", "JPEG copy"),
    ],
)
def test_the_copy_is_found_out_and_said(tmp_path, layout, copy):
    touch(tmp_path, ROWS, layout)
    notes = read_cbis_ddsm(tmp_path, progress=False).notes
    assert note(notes, "Copy of CBIS-DDSM") == f"Copy of CBIS-DDSM: {copy}, 5 ROIs."
    assert any("is lossy" in each for each in notes) == (layout == "kaggle")


def test_a_phantom_is_called_one_with_and_without_its_images(tmp_path):
    (tmp_path / "tree").mkdir()
    mark = tmp_path / "tree" / "phantom_tree.json"
    mark.write_text("{}")
    write_lists(tmp_path / "tree", ROWS)
    lists, bare = {"case_lists": str(mark.parent)}, {"require_files": False}
    assert read_cbis_ddsm(mark.parent, ReadOptions(**bare)).notes[0] == PHANTOM_NOTE
    touch(mark.parent, ROWS)
    assert read_cbis_ddsm(tmp_path, ReadOptions(**lists)).notes[0] == PHANTOM_NOTE
    mark.unlink()
    assert PHANTOM_NOTE not in read_cbis_ddsm(mark.parent).notes


def test_swapped_pairs_are_counted_where_headers_were_read(tmp_path):
    rois = [row["cropped image file path"].split("/")[0] for row in MASSES]
    write_copy(tmp_path, MASSES, "bare idc", swapped=rois)
    options = ReadOptions(lesion="mass")
    dataset = read_cbis_ddsm(tmp_path, options, progress=False)
    # Of the pair in two series the list says which is which; of the others it cannot.
    found = note(dataset.notes, "Crop and mask were swapped")
    assert found.endswith("according to the files: 1 ROIs; this was corrected.")


def test_the_assumed_spacing_is_as_near_to_each_scanner_as_can_be():
    assert pytest.approx(0.046) == ASSUMED_MM
    distances = [abs(ASSUMED_MM - true) for true in SCANNERS_MM.values()]
    assert max(distances) == pytest.approx(0.004)
    other = (ASSUMED_MM + 0.001, ASSUMED_MM - 0.001)
    for guess in other:
        worst = max(abs(guess - true) for true in SCANNERS_MM.values())
        assert worst > max(distances)


def test_the_assumed_spacing_is_said_unless_one_is_given(tmp_path):
    touch(tmp_path, ROWS)
    found = note(read_cbis_ddsm(tmp_path).notes, "Pixel spacing: 0.046 mm is assumed")
    assert "0.042 to 0.05 mm" in found
    assert "wrong by 9.5%" in found  # 0.046 / 0.042 - 1
    assert "23.4 to 27.8 mm wide" in found
    notes = read_cbis_ddsm(tmp_path, ReadOptions(crop="official")).notes
    assert "field of view" not in note(notes, "Pixel spacing")
    given = read_cbis_ddsm(tmp_path, ReadOptions(pixel_spacing=0.05))
    assert not [each for each in given.notes if each.startswith("Pixel spacing")]


def test_the_source_holds_what_decides_the_pixels(tmp_path):
    touch(tmp_path, ROWS)
    assert read_cbis_ddsm(tmp_path, ReadOptions(field_mm=20)).source == {
        "crop": "fixed",
        "lesion": "calcification",
        "field_mm": 20,
        "pixel_spacing_mm": None,
        "drop_without_callback": False,
        "for_processing": False,
        "bits_stored": None,
    }
    assert "field_mm" not in read_cbis_ddsm(tmp_path, ReadOptions(crop="roi")).source


@pytest.mark.parametrize(
    ("part", "named", "crops"),
    [
        ("image file path", "mammogram", ("fixed", "roi")),
        ("ROI mask file path", "mask", ("fixed", "roi")),
        ("cropped image file path", "crop", ("official",)),
    ],
)
def test_an_roi_without_a_file_that_it_needs_is_listed(tmp_path, part, named, crops):
    paths = touch(tmp_path, ROWS)
    gone = ROWS[1][part].strip()
    os.unlink(tmp_path / paths[gone])
    for crop in ("fixed", "roi", "official"):
        dataset = read_cbis_ddsm(tmp_path, ReadOptions(crop=crop))
        if crop in crops:
            reason = f"Calc-Training_P_00003_LEFT_CC_1: {named} missing."
            assert dataset.skipped == [(gone, reason)]
            assert len(dataset.cases) == 4
            found = note(dataset.notes, "ROIs left out")
            counted = "because a file is missing: 1 of 5: benign 1 of 3, malignant 0"
            assert counted in found
        else:
            assert dataset.skipped == []
            assert len(dataset.cases) == 5


def test_a_series_with_too_many_files_is_listed_with_its_problem(tmp_path):
    paths = touch(tmp_path, ROWS)
    crop, mask = (
        paths[ROWS[0][f"{name} file path"].strip()]
        for name in ("cropped image", "ROI mask")
    )
    for number, path in enumerate((crop, mask, mask)):
        target = (tmp_path / path).parent / f"copy {number}.dcm"
        target.write_bytes(shortest_dicom(target.parent.name))
    os.unlink(tmp_path / crop)
    os.unlink(tmp_path / mask)
    ((_, reason),) = read_cbis_ddsm(tmp_path).skipped
    assert reason.startswith("Calc-Training_P_00001_LEFT_CC_1: 3 files in the series")


def test_the_metadata_alone_needs_no_file(tmp_path):
    write_lists(tmp_path, ROWS)
    options = ReadOptions(require_files=False)
    dataset = read_cbis_ddsm(tmp_path, options)
    assert len(dataset.cases) == 5
    assert dataset.cases[["image_path", "crop_path", "mask_path"]].isna().all(axis=None)
    assert not [each for each in dataset.notes if each.startswith("Copy")]
    # Files that are there are found all the same.
    paths = touch(tmp_path, ROWS[:1])
    write_lists(tmp_path, ROWS)
    cases = read_cbis_ddsm(tmp_path, options).cases
    assert cases["image_path"].notna().sum() == 2
    assert cases["crop_path"].dropna().iloc[0] in paths.values()


def test_the_lists_may_lie_in_a_folder_of_their_own(tmp_path):
    touch(tmp_path / "copy", ROWS)
    (tmp_path / "lists").mkdir()
    for path in (tmp_path / "copy").glob("*.csv"):
        path.rename(tmp_path / "lists" / path.name)
    with pytest.raises(UserError, match="CBIS-DDSM's case lists"):
        read_cbis_ddsm(tmp_path / "copy")
    options = ReadOptions(case_lists=str(tmp_path / "lists"))
    assert len(read_cbis_ddsm(tmp_path / "copy", options).cases) == 5


@pytest.mark.parametrize(("kept", "gone"), [("train", "test"), ("test", "train")])
def test_one_of_the_two_lists_is_enough_and_the_other_is_named(tmp_path, kept, gone):
    touch(tmp_path, ROWS)
    (tmp_path / f"calc_case_description_{gone}_set.csv").unlink()
    dataset = read_cbis_ddsm(tmp_path)
    assert set(dataset.cases["split"]) == {kept}
    said = note(dataset.notes, "The case list")
    assert said.startswith(
        f"The case list calc_case_description_{gone}_set.csv is missing"
    )
    split = note(dataset.notes, "The official split has no")
    if gone == "test":
        assert "can be trained and validated, but not evaluated" in split
    else:
        assert "no model can be trained" in split
    (tmp_path / f"calc_case_description_{kept}_set.csv").unlink()
    with pytest.raises(UserError, match=r"lists\. Received: none of"):
        read_cbis_ddsm(tmp_path)


def test_a_folder_without_a_copy_says_what_was_looked_for(tmp_path):
    write_lists(tmp_path, ROWS)
    (tmp_path / "1-1.dcm").write_bytes(shortest_dicom("1.2.3"))
    with pytest.raises(UserError, match="no file of CBIS-DDSM") as caught:
        read_cbis_ddsm(tmp_path, progress=False)
    assert "Received: 1 image files, none of a listed series" in str(caught.value)
    assert "`keras_wa.data.download` fetches" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_copy_of_crops_alone_says_which_parts_are_missing(tmp_path):
    paths = touch(tmp_path, ROWS)
    for part, path in listed_parts(ROWS):
        if part == "full":
            os.unlink(tmp_path / paths[path])
    with pytest.raises(UserError, match="no ROI has the files") as caught:
        read_cbis_ddsm(tmp_path)
    assert "of 5 ROIs: mammogram 0, crop 5, mask 5; expected" in str(caught.value)
    dataset = read_cbis_ddsm(tmp_path, ReadOptions(crop="official"))
    assert len(dataset.cases) == 5
    assert dataset.cases["image_path"].isna().all()


def test_lists_without_a_usable_row_are_a_user_error(tmp_path):
    touch(tmp_path, [case_row(pathology="?"), case_row(part="test", pathology="?")])
    with pytest.raises(UserError, match="no ROI in the case lists that can be used"):
        read_cbis_ddsm(tmp_path)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("lesion", "parts"),
    [
        ("calcification", {"train": 1546, "test": 326}),
        ("mass", {"train": 1318, "test": 378}),
    ],
)
def test_the_official_lists_keep_their_split(shared_data, lesion, parts):
    options = ReadOptions(lesion=lesion, require_files=False)
    dataset = read_cbis_ddsm(shared_data / "cbis-ddsm-csv", options)
    validate(dataset.cases)
    assert dataset.cases["split"].value_counts().to_dict() == parts
    kept = note(dataset.notes, "BENIGN_WITHOUT_CALLBACK counts as benign")
    expected = {"calcification": 541, "mass": 141}[lesion]
    assert kept.endswith(f": {expected} ROIs.")


@pytest.mark.shared_data
def test_the_official_lists_pooled_have_thirty_one_moved_patients(shared_data):
    options = ReadOptions(lesion="all", require_files=False)
    dataset = read_cbis_ddsm(shared_data / "cbis-ddsm-csv", options)
    validate(dataset.cases)
    assert len(dataset.cases) == 3568
    moved = [each for each in dataset.notes if each.startswith("Official split")]
    assert [each.split("lesions: ")[1] for each in moved] == [
        "18 (ROIs, calcification: 56).",
        "13 (ROIs, mass: 27).",
    ]
    assert dataset.split == "official, 83 ROIs moved to test"
    assert (dataset.cases["split"] == "test").sum() == 326 + 378 + 83
    images = dataset.cases["roi_id"].str.rsplit("_", n=1).str[0]
    # Each mammogram's lesions are one run of rows.
    assert (images != images.shift()).sum() == images.nunique() == 3103
