"""A file is DICOM by its content, and nothing in a folder is left out unsaid."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import ImplicitVRLittleEndian

from keras_wa.data.io import (
    is_dicom,
    kinds_of,
    open_image,
    passed_over,
    read_header,
    stem_of,
)
from keras_wa.files import walk_files
from tests.data.io.dicom_files import dicom_bytes, dicom_dataset, write_dicom

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8)
UID = "MG.1.2.840.113619.2.66.10001"


def without_preamble(explicit: bool = True, meta: bool = False) -> bytes:
    """A DICOM file of `GREY` that begins with its file meta, or its data set."""
    dataset = dicom_dataset(GREY)
    if not explicit:
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    data = dicom_bytes(dataset)[132:]
    if meta:
        return data
    return data[12 + int.from_bytes(data[8:12], "little") :]


def kinds(root: Path) -> dict[str, str]:
    return dict(kinds_of(root, walk_files(root)))


@pytest.mark.parametrize(
    "name", [UID, "1.2.840.113619.2.66.7", "IM0001", "x.png", "x.001", "x.dcm"]
)
def test_the_name_of_a_dicom_file_does_not_matter(tmp_path, name):
    path = write_dicom(tmp_path / name, GREY)
    assert is_dicom(path)
    np.testing.assert_array_equal(open_image(path).grey(), GREY)


@pytest.mark.parametrize("meta", [True, False])
@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize("name", [UID, "x.dcm"])
def test_a_file_without_a_preamble_is_dicom(tmp_path, name, explicit, meta):
    path = tmp_path / name
    path.write_bytes(without_preamble(explicit, meta))
    assert is_dicom(path)
    assert kinds(tmp_path) == {name: "dicom"}
    np.testing.assert_array_equal(open_image(path).grey(), GREY)
    assert read_header(path, ["Modality", "Rows"]).Rows == 6


def test_what_is_no_dicom_is_not_taken_for_it(tmp_path):
    (tmp_path / "notes").write_text("no image " * 30)
    (tmp_path / "zeros").write_bytes(bytes(600))
    (tmp_path / "x.dcm").write_text("no image")
    (tmp_path / "short").write_bytes(b"\x08\x00\x05\x00CS")
    (tmp_path / "long").write_bytes(b"\x08\x00\x05\x00" + b"\xff" * 200)
    names = [path.name for path in tmp_path.iterdir()]
    assert not any(is_dicom(tmp_path / name) for name in [*names, "absent"])


def test_only_files_of_an_unknown_kind_are_opened(tmp_path, monkeypatch):
    names = ["a.DCM", "b.Png", "c.csv", "d.TXT", "e.zip", "f.dicom"]
    shipped = ["g.roi", "h.tgz", "i.tcia", "j.s5cmd", "LICENSE", "README"]
    names += shipped
    for name in names:
        (tmp_path / name).touch()
    monkeypatch.setattr(Path, "open", lambda *arguments: pytest.fail("opened"))
    assert list(kinds(tmp_path).values()) == [
        *("other" for _ in ("LICENSE", "README")),
        *("dicom", "plain", "other", "other", "other", "dicom"),
        *("other" for _ in shipped[:4]),
    ]
    assert passed_over(kinds_of(tmp_path, names[2:3] + shipped), dicom_only=True) == []


def test_what_operating_systems_leave_in_a_folder_is_no_image(tmp_path):
    write_dicom(tmp_path / "a.dcm", GREY)
    for name in (".DS_Store", "._a.dcm", ".hidden.png", "Thumbs.db", "desktop.ini"):
        (tmp_path / name).write_bytes(b"\0" * 200)
    os.mkfifo(tmp_path / "pipe")
    found = kinds(tmp_path)
    assert {name for name, kind in found.items() if kind == "dicom"} == {"a.dcm"}
    assert set(found) == {"a.dcm", "Thumbs.db", "desktop.ini", "pipe"}


def test_a_directory_of_a_medium_is_no_image(tmp_path):
    dataset = Dataset()
    dataset.file_meta = dicom_dataset(GREY).file_meta
    dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    with (tmp_path / "DICOMDIR").open("wb") as file:
        file.write(bytes(128) + b"DICM")
        write_file_meta_info(file, dataset.file_meta)
    write_dicom(tmp_path / "IM1", GREY)
    assert kinds(tmp_path) == {"DICOMDIR": "other", "IM1": "dicom"}


@pytest.mark.parametrize("copy", ["x.png", "x.JPG", "x.dcm.png", "X.tif"])
@pytest.mark.parametrize("original", ["x.dcm", "x.DCM", "X.dcm", "x"])
def test_a_dicom_file_wins_over_a_plain_image_of_its_name(tmp_path, original, copy):
    write_dicom(tmp_path / original, GREY)
    assert cv2.imwrite(str(tmp_path / copy), GREY)
    assert kinds(tmp_path) == {original: "dicom", copy: "beside"}


def test_other_names_and_other_folders_are_other_images(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "In").mkdir()
    write_dicom(tmp_path / f"{UID}.1", GREY)
    write_dicom(tmp_path / f"{UID}.2", GREY)
    write_dicom(tmp_path / "In" / "x.dcm", GREY)
    for name in ("in/x.png", f"{UID}.3.png", f"{UID}.jpg"):
        assert cv2.imwrite(str(tmp_path / name), GREY)
    assert sorted(kinds(tmp_path).values()) == ["dicom"] * 3 + ["plain"] * 3


def test_a_uid_is_no_suffix():
    assert stem_of(UID) == UID
    assert stem_of(f"a.b/{UID}.dcm.PNG") == f"a.b/{UID}"
    assert stem_of("in/.png") == "in/.png"


def test_each_kind_that_is_left_out_is_counted_with_an_example(tmp_path):
    write_dicom(tmp_path / "a.dcm", GREY)
    for name in ("a.png", "b.png", "b.jpg"):
        assert cv2.imwrite(str(tmp_path / name), GREY)
    for name in ("list.csv", "README", "index.1"):
        (tmp_path / name).write_text("no image")
    assert passed_over(kinds_of(tmp_path, walk_files(tmp_path))) == [
        "Images left out because a DICOM file has the same name: 1, such as a.png.",
        "Files left out because they are no images: 3, such as README.",
    ]
    assert passed_over(kinds_of(tmp_path, walk_files(tmp_path)), dicom_only=True) == [
        "Images left out because they are not DICOM: 3, such as a.png.",
        "Files left out because they are no images: 1, such as index.1.",
    ]
