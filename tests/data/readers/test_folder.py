"""Class folders of real files, and every way in which they can be wrong."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_wa.data.options import ReadOptions
from keras_wa.data.readers.folder import read_folder
from keras_wa.errors import UserError
from keras_wa.testing import run_dataset_test
from tests.data.io.dicom_files import write_dicom


def write(path: Path, value: int) -> None:
    """A grey image, different for each value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((8, 8), value % 256, np.uint8)
    image[0, 0] = value // 256
    assert cv2.imwrite(str(path), image)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Ten patients in each class, two files a patient: `p03_1.png`."""
    for label, name in enumerate(("benign", "malignant")):
        for index in range(20):
            patient = label * 10 + index // 2
            write(
                tmp_path / name / f"p{patient:02d}_{index % 2}.png", 20 * label + index
            )
    return tmp_path


def test_the_table_holds_each_file_with_its_label_and_relative_path(folder):
    dataset = run_dataset_test(
        lambda root, options, seed: read_folder(root, r"^(p\d+)", seed, options), folder
    )
    cases = dataset.cases
    files = sorted(folder.glob("*/*.png"))
    assert sorted(cases["image_path"]) == [
        path.relative_to(folder).as_posix() for path in files
    ]
    for _, row in cases.iterrows():
        assert row["label"] == row["image_path"].startswith("malignant/")
        assert row["patient_id"] == Path(row["image_path"]).name[:3]
        assert row["roi_id"] == row["image_path"]
        np.testing.assert_array_equal(
            dataset.read(row).pixels, cv2.imread(str(folder / row["image_path"]), -1)
        )
    assert dataset.name == "folder"
    assert dataset.skipped == []


@pytest.mark.parametrize(
    ("pattern", "patient"),
    [
        (r"^p(\d\d)_(\d)", "03"),
        (r"p\d\d", "p03"),
        (r"(\d+)_(?P<patient>\d)", "1"),
        (r"_\d\.png$", "_1.png"),
    ],
    ids=["first group", "whole match", "named group", "anywhere"],
)
def test_the_pattern_finds_the_patient(folder, pattern, patient):
    cases = read_folder(folder, pattern).cases
    row = cases[cases["image_path"] == "benign/p03_1.png"]
    assert list(row["patient_id"]) == [patient]


def test_without_a_pattern_each_file_is_a_patient_and_a_note_warns(folder):
    dataset = read_folder(folder)
    assert dataset.cases["patient_id"].nunique() == 40
    assert any("each file counts as a patient" in note for note in dataset.notes)
    assert not any(
        "counts as a patient" in note for note in read_folder(folder, r"^p\d+").notes
    )


@pytest.mark.parametrize(
    ("names", "positive", "how"),
    [
        (("0", "1"), "1", "by their names"),
        (("malignant", "benign"), "malignant", "by their names"),
        (("Cancer", "Normal"), "Cancer", "by their names"),
        (("calc", "mass"), "calc", "by their names"),
        (("negative", "zebra"), "zebra", "by their names"),
        (("apple", "pear"), "pear", "in alphabetical order"),
        (("benign", "normal"), "normal", "in alphabetical order"),
        (("1", "malignant"), "malignant", "in alphabetical order"),
    ],
)
def test_the_positive_class_is_known_by_name_and_said(tmp_path, names, positive, how):
    for offset, name in enumerate(names):
        for index in range(5):
            write(tmp_path / name / f"{index}.png", 5 * offset + index)
    dataset = read_folder(tmp_path)
    ones = dataset.cases[dataset.cases["label"] == 1]
    assert set(ones["pathology"]) == {positive}
    assert any(f"{positive} is label 1 ({how}" in note for note in dataset.notes)


def test_the_test_part_is_drawn_by_patient_seeded_and_said(folder):
    dataset = read_folder(folder, r"^(p\d+)", seed=1)
    cases = dataset.cases
    assert (cases["split"] == "test").sum() == 8
    assert any("8 of 40 ROIs (seed 1)" in note for note in dataset.notes)
    other = read_folder(folder, r"^(p\d+)", seed=2).cases
    assert list(other["split"]) != list(cases["split"])


def test_train_and_test_folders_are_the_split(tmp_path):
    for part in ("Train", "test", "valid"):
        for label in "01":
            write(tmp_path / part / label / f"{part}{label}.png", ord(part[0]))
    write(tmp_path / "extra" / "x.png", 1)
    dataset = read_folder(tmp_path)
    splits = dataset.cases.set_index("image_path")["split"]
    assert dict(splits) == {
        "Train/0/Train0.png": "train",
        "Train/1/Train1.png": "train",
        "test/0/test0.png": "test",
        "test/1/test1.png": "test",
        "valid/0/valid0.png": "val",
        "valid/1/valid1.png": "val",
    }
    assert any(note.endswith("were not read: extra.") for note in dataset.notes)
    assert dataset.split == "the folders' own"


def test_every_format_and_sub_folders_are_found_and_the_rest_is_listed(folder):
    benign = folder / "benign"
    for name in (
        "a.JPG",
        "b.jpeg",
        "c.pgm",
        "d.tif",
        "e.TIFF",
        "f.bmp",
        "deep/er/g.png",
    ):
        write(benign / name, 200)
    for name in ("h.dcm", "i"):
        write_dicom(benign / name, np.zeros((4, 4), np.uint16))
    (benign / "notes.txt").write_text("x")
    (benign / ".hidden.png").write_text("x")
    write(folder / ".cache" / "x.png", 1)
    write(benign / ".cache" / "x.png", 1)
    dataset = read_folder(folder)
    names = {Path(path).name for path in dataset.cases["image_path"]}
    assert {"a.JPG", "b.jpeg", "c.pgm", "d.tif", "e.TIFF", "f.bmp"} <= names
    assert {"g.png", "h.dcm", "i"} <= names
    assert len(dataset.cases) == 49
    reason = "no image by its suffix, nor DICOM by its content"
    assert dataset.skipped == [("benign/notes.txt", reason)]
    assert (
        "Files left out because they are no images: 1, such as benign/notes.txt."
    ) in dataset.notes


def test_a_dicom_file_and_its_copies_are_one_roi_and_the_note_counts_them(folder):
    levels = np.full((4, 4), 100, np.uint8)
    for name in ("MG.1.2.840.113619.2.66.1", "MG.1.2.840.113619.2.66.2", "x.dcm"):
        write_dicom(folder / "malignant" / name, levels)
        for suffix in ("png", "JPG"):
            write(folder / "malignant" / f"{name}.{suffix}", 3)
    dataset = read_folder(folder)
    names = [Path(path).name for path in dataset.cases["image_path"]]
    assert len(names) == 43
    assert {"MG.1.2.840.113619.2.66.1", "MG.1.2.840.113619.2.66.2"} < set(names)
    row = dataset.cases.loc[names.index("x.dcm")]
    assert dataset.read(row).pixels.max() == 100
    assert len(dataset.skipped) == 6
    assert {reason for _, reason in dataset.skipped} == {
        "a DICOM file has the same name"
    }
    assert (
        "Images left out because a DICOM file has the same name: 6, such as "
        "malignant/MG.1.2.840.113619.2.66.1.JPG."
    ) in dataset.notes


def test_plain_images_of_one_name_are_two_rois_and_a_note_warns(folder):
    write(folder / "benign" / "p00_0.tif", 77)
    dataset = read_folder(folder)
    assert len(dataset.cases) == 41
    (note,) = [note for note in dataset.notes if "same name" in note]
    assert "2, such as benign/p00_0.png and benign/p00_0.tif" in note


def test_images_for_processing_are_read_where_they_are_asked_for(folder):
    intent = {"PresentationIntentType": "FOR PROCESSING"}
    write_dicom(folder / "benign" / "raw.dcm", np.zeros((4, 4), np.uint8), **intent)
    asked = read_folder(folder, options=ReadOptions(for_processing=True))
    (row,) = (r for _, r in asked.cases.iterrows() if r["roi_id"] == "benign/raw.dcm")
    assert asked.read(row).pixels.shape == (4, 4)
    with pytest.raises(UserError, match="`for_processing=True`"):
        read_folder(folder).read(row)


def test_a_link_does_not_lead_into_the_other_class(folder):
    before = read_folder(folder).cases
    (folder / "benign" / "all").symlink_to(folder)
    assert read_folder(folder).cases.equals(before)


def test_duplicates_under_other_patients_are_noted(folder):
    shutil.copy(folder / "benign" / "p00_0.png", folder / "malignant" / "p19_0.png")
    notes = read_folder(folder, r"^(p\d+)").notes
    assert any("2 files are byte-identical copies of 1 image" in note for note in notes)


def test_a_file_name_without_a_patient_is_named(folder):
    write(folder / "benign" / "odd.png", 1)
    write(folder / "benign" / "old.png", 2)
    message = r"odd\.png: .* `group_pattern` .* \(2 of 42 files do not\)"
    with pytest.raises(UserError, match=message):
        read_folder(folder, r"^(p\d+)")
    # A group that took no part in the match finds no patient either.
    with pytest.raises(UserError, match=message):
        read_folder(folder, r"^(p\d+)?")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "not a regular expression"),
        (r"^(p)", "all 40 files belong to one patient"),
    ],
)
def test_a_pattern_that_cannot_serve_is_a_user_error(folder, pattern, message):
    with pytest.raises(UserError, match=message):
        read_folder(folder, pattern)


def test_one_class_is_not_enough_and_three_are_too_many(folder):
    write(folder / "normal" / "x.png", 1)
    with pytest.raises(UserError, match=r"Received: 3 \(benign, malignant, normal\)"):
        read_folder(folder)
    shutil.rmtree(folder / "normal")
    shutil.rmtree(folder / "malignant")
    with pytest.raises(
        UserError, match=r"Received: 1 \(benign\); expected exactly two"
    ):
        read_folder(folder)
    shutil.rmtree(folder / "benign")
    with pytest.raises(UserError, match=r"Received: 0 \(none\)"):
        read_folder(folder)


def test_a_class_folder_with_no_image_is_named(folder):
    shutil.rmtree(folder / "benign")
    (folder / "benign").mkdir()
    (folder / "benign" / "readme.txt").write_text("x")
    with pytest.raises(UserError, match=r"benign: class folder with no image.*1 other"):
        read_folder(folder)


def test_too_few_patients_of_a_label_is_a_user_error(tmp_path):
    write(tmp_path / "0" / "a.png", 1)
    write(tmp_path / "0" / "b.png", 1)
    write(tmp_path / "1" / "c.png", 1)
    with pytest.raises(UserError, match=r"'test' part.*Received: 1 of one label"):
        read_folder(tmp_path)


def test_an_absent_folder_and_a_file_are_user_errors(tmp_path):
    with pytest.raises(UserError, match="absent: cannot be listed"):
        read_folder(tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file: cannot be listed"):
        read_folder(tmp_path / "file")


@pytest.mark.parametrize("unreadable", ["", "malignant", "benign/deep"])
def test_a_folder_that_may_not_be_read_is_named(folder, unreadable, monkeypatch):
    # Replaced, since permissions do not stop the super-user that tests may run as.
    write(folder / "benign" / "deep" / "x.png", 1)
    real = os.scandir

    def scandir(path):
        if Path(path) == folder / unreadable:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(
        UserError, match=r"cannot be listed \(Permission denied"
    ) as caught:
        read_folder(folder)
    assert str(caught.value).startswith(f"{folder / unreadable}: ")


@pytest.mark.shared_data
def test_the_real_patches_keep_their_patients_apart(shared_data):
    dataset = read_folder(shared_data / "microcalc-patches", r"^(\d+[a-z])")
    cases = dataset.cases
    assert len(cases) == 636
    assert (cases["label"] == 1).sum() == 306
    assert all(cases.groupby("patient_id")["split"].nunique() == 1)
    assert set(cases["patient_id"].str.fullmatch(r"\d+[a-z]")) == {True}
    assert abs((cases["split"] == "test").mean() - 0.2) < 0.02
    note = next(note for note in dataset.notes if "byte-identical" in note)
    assert note.startswith("10 files are byte-identical copies of 5 images")
