"""Headers of real DICOM files, read once, and what is wrong with some of them."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from pydicom.dataset import Dataset

from keras_wa.data.readers.dicom_index import CACHE_NAME, index_dicoms
from tests.data.io.dicom_files import dicom_bytes, dicom_dataset, write_dicom

FIELDS = ["PatientID", "ImageLaterality", "ViewCodeSequence", "ImageType"]
PIXELS = np.zeros((4, 4), np.uint16)


def code(value: str) -> list[Dataset]:
    item = Dataset()
    item.CodeValue = value
    return [item]


@pytest.fixture
def tree(tmp_path) -> Path:
    (tmp_path / "b").mkdir()
    write_dicom(
        tmp_path / "b" / "1-1.dcm",
        PIXELS,
        PatientID="D1-0001",
        ImageLaterality="L",
        ViewCodeSequence=code("399162004"),
        ImageType=["ORIGINAL", "PRIMARY"],
    )
    write_dicom(tmp_path / "b" / "1-2", PIXELS, PatientID="NA", ImageLaterality="")
    write_dicom(tmp_path / "a.DCM", PIXELS, PatientID="D1-0002", ViewCodeSequence=[])
    return tmp_path


def reads(monkeypatch) -> list[str]:
    """The names of the files that are read from now on."""
    seen: list[str] = []
    real = pydicom.dcmread

    def dcmread(path, **arguments):
        seen.append(Path(path).name)
        return real(path, **arguments)

    monkeypatch.setattr(pydicom, "dcmread", dcmread)
    return seen


def test_each_file_has_a_row_with_its_fields_and_absent_is_na(tree):
    index = index_dicoms(tree, FIELDS)
    assert list(index.columns) == ["path", *FIELDS, "reason"]
    assert list(index["path"]) == ["a.DCM", "b/1-1.dcm", "b/1-2"]
    assert list(index.loc[1])[1:5] == [
        "D1-0001",
        "L",
        "399162004",
        "ORIGINAL\\PRIMARY",
    ]
    assert index.loc[2, "PatientID"] == "NA"
    assert index.loc[0, ["ImageLaterality", "ViewCodeSequence"]].isna().all()
    assert pd.isna(index.loc[2, "ImageLaterality"])
    assert index["reason"].isna().all()


def test_an_unreadable_file_has_its_reason_in_one_line(tree):
    (tree / "bad.dcm").write_bytes(b"x" * 300)
    (tree / "gone.dcm").symlink_to(tree / "nowhere")
    index = index_dicoms(tree, FIELDS).set_index("path")
    for name in ("bad.dcm", "gone.dcm"):
        assert index.loc[name, "reason"].startswith("the DICOM header cannot be read (")
        assert "\n" not in index.loc[name, "reason"]
        assert index.loc[name, FIELDS].isna().all()
    assert index["reason"].notna().sum() == 2


def test_what_the_disk_could_not_read_is_not_kept(tree, monkeypatch):
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(pydicom, "dcmread", fail)
        reasons = index_dicoms(tree, FIELDS)["reason"]
    assert reasons.str.contains("Input/output error").all()
    assert index_dicoms(tree, FIELDS)["reason"].isna().all()


def test_a_second_call_reads_only_what_changed(tree, monkeypatch):
    first = index_dicoms(tree, FIELDS)
    seen = reads(monkeypatch)
    pd.testing.assert_frame_equal(index_dicoms(tree, FIELDS), first)
    assert seen == []
    write_dicom(tree / "a.DCM", PIXELS, PatientID="D1-0009")
    os.utime(tree / "a.DCM", ns=(1, 1))
    write_dicom(tree / "c.dcm", PIXELS, PatientID="D1-0003")
    (tree / "b" / "1-2").unlink()
    index = index_dicoms(tree, FIELDS)
    assert sorted(seen) == ["a.DCM", "c.dcm"]
    assert list(index["PatientID"]) == ["D1-0009", "D1-0001", "D1-0003"]
    # What is gone from the tree is gone from the cache.
    assert "1-2" not in (tree / CACHE_NAME).read_text()


def test_a_file_whose_size_and_time_are_as_before_is_read_again(tree):
    index_dicoms(tree, FIELDS)
    file = tree / "a.DCM"
    before = file.stat()
    time.sleep(0.05)  # Some file systems count time in steps of 10 ms.
    write_dicom(file, PIXELS, PatientID="D1-0009", ViewCodeSequence=[])
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    assert index_dicoms(tree, FIELDS)["PatientID"][0] == "D1-0009"


def test_other_fields_are_read_and_the_earlier_ones_kept(tree, monkeypatch):
    index_dicoms(tree, ["PatientID"])
    index = index_dicoms(tree, ["Modality"])
    assert list(index.columns) == ["path", "Modality", "reason"]
    assert set(index["Modality"]) == {"MG"}
    seen = reads(monkeypatch)
    assert index_dicoms(tree, ["PatientID"])["PatientID"].iloc[0] == "D1-0002"
    assert seen == []


@pytest.mark.parametrize("content", [b"", b"path,size\na,1\n", b"\xff\xfe\x00", b'"'])
def test_a_damaged_cache_is_not_believed(tree, content):
    first = index_dicoms(tree, FIELDS)
    (tree / CACHE_NAME).write_bytes(content)
    pd.testing.assert_frame_equal(index_dicoms(tree, FIELDS), first)


def test_a_root_that_cannot_be_written_is_read_all_the_same(tree):
    # A folder in the cache's place: permissions do not stop the super-user.
    (tree / CACHE_NAME).mkdir()
    (tree / CACHE_NAME / "x").touch()
    assert len(index_dicoms(tree, FIELDS)) == 3
    assert [path.name for path in tree.glob(".*")] == [CACHE_NAME]


def test_a_folder_without_dicom_gives_an_empty_table(tmp_path):
    index = index_dicoms(tmp_path, FIELDS)
    assert index.empty
    assert list(index.columns) == ["path", *FIELDS, "reason"]


def test_a_value_that_breaks_the_standard_costs_no_other(tmp_path):
    dataset = dicom_dataset(PIXELS, PatientID="D1-0001", Laterality="L")
    for field in ("PixelSpacing", "InstanceNumber"):
        dataset.add_new(field, "UT", "0,085\\0,085")
    (tmp_path / "a.dcm").write_bytes(dicom_bytes(dataset))
    fields = ["PatientID", "PixelSpacing", "InstanceNumber", "Laterality", "Rows"]
    row = index_dicoms(tmp_path, fields).iloc[0]
    text = "0,085\\0,085"
    assert list(row[fields]) == ["D1-0001", text, text, "L", "4"]
    assert pd.isna(row["reason"])
