"""CMMD in the layouts of its archives: real DICOM files, a real spreadsheet."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import idc_index_data
import numpy as np
import openpyxl
import pandas as pd
import pytest
from pydicom.dataset import Dataset as Header

from keras_wa.data.options import ReadOptions
from keras_wa.data.readers.cmmd import SHEETS, read_cmmd
from keras_wa.errors import UserError
from keras_wa.testing import run_dataset_test
from tests.data.io.dicom_files import write_dicom

HEADER = ["ID1", "LeftRight", "Age", "number", "abnormality", "classification"]
CALCIFICATION = ReadOptions()
ALL = ReadOptions(lesion="all")
VIEWS = {"CC": "399162004", "MLO": "399368009"}


def write_sheet(root: Path, breasts: list[tuple]) -> None:
    """The clinical spreadsheet: patient, L or R, abnormality, classification."""
    book = openpyxl.Workbook()
    book.active.append([*HEADER, "subtype"])
    for patient, side, abnormality, classification in breasts:
        book.active.append([patient, side, 44, 2, abnormality, classification, None])
    book.save(root / SHEETS[0])


def write_image(root: Path, patient: str, number: int, **fields) -> Path:
    """One file where NBIA's download puts it; its pixels are its number."""
    side, view = fields.pop("side", "L"), fields.pop("view", "CC")
    item = Header()
    item.CodeValue = VIEWS[view]
    folder = root / "CMMD" / patient / "07-18-2010-NA-NA-70244" / "1.000000-NA-70244"
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.full((46, 38), number, np.uint8)
    pixels[0, 0] = 200
    fields = {
        "PatientID": patient,
        "ImageLaterality": side,
        "ViewCodeSequence": [item],
        "InstanceNumber": number,
        "SOPInstanceUID": f"1.2.{int(patient[1:].replace('-', ''))}.{number}",
        "ImagerPixelSpacing": [0.094, 0.094],
        **fields,
    }
    present = {name: value for name, value in fields.items() if value is not None}
    return write_dicom(folder / f"1-{number}.dcm", pixels, **present)


def breasts() -> list[tuple]:
    """Twelve patients: half of the left breasts malignant, all of them calcified."""
    return [
        (f"D1-{i:04d}", "L", "calcification", ["Benign", "Malignant"][i % 2])
        for i in range(1, 13)
    ]


@pytest.fixture
def root(tmp_path) -> Path:
    """Both views of the left breast of each patient."""
    write_sheet(tmp_path, breasts())
    for patient, *_ in breasts():
        write_image(tmp_path, patient, 1)
        write_image(tmp_path, patient, 2, view="MLO")
    return tmp_path


def row_of(dataset, roi_id: str) -> pd.Series:
    (row,) = [row for _, row in dataset.cases.iterrows() if row["roi_id"] == roi_id]
    return row


def test_each_image_has_the_label_of_its_breast(root):
    dataset = run_dataset_test("cmmd", root, seed=5)
    assert any("(seed 5)" in note for note in dataset.notes)
    cases = dataset.cases
    assert dataset.name == "cmmd"
    assert len(cases) == 24
    assert dataset.skipped == []
    for _, row in cases.iterrows():
        odd = int(row["patient_id"][-2:]) % 2
        assert row["label"] == odd
        assert row["pathology"] == ("MALIGNANT" if odd else "BENIGN")
    row = row_of(dataset, "D1-0003_LEFT_MLO")
    assert (row["breast"], row["view"]) == ("LEFT", "MLO")
    assert row["lesion_type"] == "calcification"
    assert row["pixel_spacing_mm"] == 0.094
    assert row["image_path"].endswith(
        "CMMD/D1-0003/07-18-2010-NA-NA-70244/1.000000-NA-70244/1-2.dcm"
    )
    assert cases[["density", "assessment", "lesion", "box_left"]].isna().all(axis=None)


def test_the_roi_is_the_whole_image_and_says_so(root):
    dataset = read_cmmd(root, dataclasses.replace(CALCIFICATION, crop="official"))
    roi = dataset.read(row_of(dataset, "D1-0003_LEFT_MLO"))
    assert roi.pixels.shape == (46, 38)
    assert roi.pixels[0, 0] == 200
    assert roi.pixels[1:].min() == roi.pixels[1:].max() == 2
    assert roi.facts["window"] == [0, 0, 38, 46]
    assert roi.facts["size_mm"] == pytest.approx([46 * 0.094, 38 * 0.094])
    assert roi.facts["spacing_from"] == "ImagerPixelSpacing"
    note = next(note for note in dataset.notes if "whole mammogram" in note)
    assert "`crop` has no effect" in note
    # 38 pixels of 0.094 mm make 3.572 mm; a 224th of that is 0.02 mm.
    assert "the median one is 4 by 4 mm, at 224 pixels 0.02 mm per pixel" in note


@pytest.mark.parametrize(
    ("fields", "spacing"),
    [
        ({"EstimatedRadiographicMagnificationFactor": 1.8}, 0.094 / 1.8),
        ({"DistanceSourceToDetector": 660, "DistanceSourceToPatient": 330}, 0.047),
        ({"PixelSpacing": [0.05, 0.05]}, 0.05),
        ({"PixelSpacing": [50, 50]}, 0.094),
    ],
)
def test_the_table_has_the_spacing_that_the_roi_is_read_with(root, fields, spacing):
    write_image(root, "D1-0003", 2, view="MLO", **fields)
    dataset = read_cmmd(root, CALCIFICATION)
    row = row_of(dataset, "D1-0003_LEFT_MLO")
    assert row["pixel_spacing_mm"] == pytest.approx(spacing)
    read = dataset.read(row).facts["pixel_spacing_mm"]
    assert read == row["pixel_spacing_mm"]


def test_the_table_does_not_depend_on_the_layout(root, tmp_path_factory):
    flat = tmp_path_factory.mktemp("idc")
    shutil.copy(root / SHEETS[0], flat)
    for number, path in enumerate(sorted(root.rglob("*.dcm"), reverse=True)):
        (flat / f"{number:02d}-series").mkdir()
        shutil.copy(path, flat / f"{number:02d}-series" / f"{number:08x}.dcm")
    one, two = read_cmmd(root, ALL), read_cmmd(flat, ALL)
    paths = ["image_path"]
    assert one.cases.drop(columns=paths).equals(two.cases.drop(columns=paths))


def test_both_breasts_of_a_patient_may_differ(root):
    write_sheet(root, [*breasts(), ("D1-0001", "R", "calcification", "Benign")])
    write_image(root, "D1-0001", 3, side="R")
    dataset = read_cmmd(root, ALL)
    assert row_of(dataset, "D1-0001_LEFT_CC")["label"] == 1
    assert row_of(dataset, "D1-0001_RIGHT_CC")["label"] == 0


@pytest.mark.parametrize(
    ("lesion", "types"),
    [
        ("calcification", {"calcification"}),
        ("mass", {"mass"}),
        ("all", {"calcification", "mass", "calcification+mass"}),
    ],
)
def test_a_breast_with_both_lesions_is_read_by_all_only(root, lesion, types):
    kinds = ["calcification", "calcification", "mass", "mass", "both", "both"]
    write_sheet(
        root,
        [
            (patient, side, kinds[i % 6], "Malignant" if i % 4 < 2 else "Benign")
            for i, (patient, side, *_) in enumerate(breasts())
        ],
    )
    dataset = read_cmmd(root, ReadOptions(lesion=lesion))
    assert set(dataset.cases["lesion_type"]) == types
    assert len(dataset.cases) == 24 * len(types) // 3
    noted = [note for note in dataset.notes if "calcification+mass 8" in note]
    assert len(noted) == (lesion != "all")


def test_view_and_side_come_from_whichever_field_has_them(root):
    write_image(
        root,
        "D1-0001",
        1,
        ImageLaterality=None,
        Laterality="L",
        ViewCodeSequence=None,
        ViewPosition="CC",
    )
    write_image(root, "D1-0002", 1, ViewCodeSequence=None)
    dataset = read_cmmd(root, ALL)
    assert row_of(dataset, "D1-0001_LEFT_CC")["view"] == "CC"
    assert pd.isna(row_of(dataset, "D1-0002_LEFT_UNKNOWN")["view"])


def test_a_second_image_of_a_view_gets_a_number_and_a_copy_is_left_out(root):
    write_image(root, "D1-0001", 3)
    copy = root / "CMMD" / "copy.dcm"
    shutil.copy(next(root.rglob("D1-0001/*/*/1-1.dcm")), copy)
    dataset = read_cmmd(root, ALL)
    ids = set(dataset.cases["roi_id"])
    assert {"D1-0001_LEFT_CC", "D1-0001_LEFT_CC_2"} <= ids
    ((_, reason),) = dataset.skipped
    assert reason.startswith("the same image as CMMD/")
    assert len(ids) == 25


def test_what_cannot_be_used_is_listed_and_the_rest_goes_on(root):
    write_image(root, "D1-0001", 1, PatientID=None)
    write_image(root, "D1-0002", 1, ImageLaterality=None)
    next(root.rglob("D1-0003/*/*/1-1.dcm")).write_bytes(b"x" * 400)
    write_image(root, "D1-0005", 3, side="R")
    write_sheet(
        root,
        [
            *breasts(),
            ("D1-0004", "L", "calcification", "Malignant"),
            ("D1-0020", "L", "mass", "Benign"),
            ("D1-0021", "?", "mass", "Benign"),
            ("D1-0022", "L", "lump", "Benign"),
            ("D1-0023", "L", "mass", None),
            (None, "L", "mass", "Benign"),
        ],
    )
    dataset = read_cmmd(root, ALL)
    text = "\n".join(f"{name}: {reason}" for name, reason in dataset.skipped)
    for expected in (
        "D1-0001/07-18-2010-NA-NA-70244/1.000000-NA-70244/1-1.dcm: the DICOM file has "
        "no PatientID",
        "1-1.dcm: the DICOM file does not state the breast",
        "1-1.dcm: the DICOM header cannot be read",
        "breast LEFT of D1-0004. Received: both Benign and Malignant",
        "breast LEFT of D1-0004 is not in",
        f"1-3.dcm: breast RIGHT of D1-0005 is not in {SHEETS[0]}, so it has no label.",
        "breast LEFT of D1-0020: no image of it was found",
        "line 16: LeftRight. Received: '?'; expected L or R",
        "line 17: abnormality. Received: 'lump'; expected calcification, mass or both",
        "line 18: classification. Received: nothing; expected Benign or Malignant",
        "line 19: ID1. Received: nothing",
    ):
        assert expected in text
    assert len(dataset.cases) == 24 - 3 - 2


def test_a_breast_listed_twice_alike_is_one_with_the_types_of_both(root):
    write_sheet(root, [*breasts(), ("D1-0001", "L", "mass", "Malignant")])
    dataset = read_cmmd(root, ALL)
    row = row_of(dataset, "D1-0001_LEFT_CC")
    assert row["lesion_type"] == "calcification+mass"
    assert len(dataset.cases) == 24


def test_the_sheet_may_be_csv_and_lie_elsewhere(root, tmp_path_factory):
    lists = tmp_path_factory.mktemp("lists")
    frame = pd.read_excel(root / SHEETS[0])
    frame.to_csv(lists / SHEETS[1], index=False)
    expected = read_cmmd(root, ALL).cases
    (root / SHEETS[0]).unlink()
    options = dataclasses.replace(ALL, case_lists=str(lists))
    assert read_cmmd(root, options).cases.equals(expected)


def test_an_audit_of_the_metadata_needs_no_images(tmp_path):
    write_sheet(tmp_path, breasts())
    dataset = read_cmmd(tmp_path, dataclasses.replace(ALL, require_files=False))
    assert len(dataset.cases) == 12
    assert dataset.cases["image_path"].isna().all()
    assert dataset.cases["view"].isna().all()


def test_no_images_no_sheet_and_no_column_are_user_errors(tmp_path):
    with pytest.raises(UserError, match=rf"clinical spreadsheet.*{SHEETS[0]}"):
        read_cmmd(tmp_path, ALL)
    write_sheet(tmp_path, breasts())
    with pytest.raises(UserError, match=r"DICOM files\. Received: none"):
        read_cmmd(tmp_path, ALL)
    pd.DataFrame({"ID1": ["x"]}).to_excel(tmp_path / SHEETS[0], index=False)
    with pytest.raises(UserError, match="column 'LeftRight' is missing"):
        read_cmmd(tmp_path, ALL)


def test_every_real_patient_of_the_collection_is_kept(tmp_path):
    patients = pd.read_parquet(
        idc_index_data.IDC_INDEX_PARQUET_FILEPATH,
        columns=["PatientID"],
        filters=[("collection_id", "==", "cmmd")],
    )["PatientID"]
    assert len(patients) == 1775
    labels = ["Benign", "Malignant"]
    pd.DataFrame(
        {
            "ID1": patients,
            "LeftRight": "R",
            "abnormality": "mass",
            "classification": [labels[i % 2] for i in range(len(patients))],
        }
    ).to_csv(tmp_path / SHEETS[1], index=False)
    options = ReadOptions(lesion="mass", require_files=False)
    cases = read_cmmd(tmp_path, options).cases
    assert set(cases["patient_id"]) == set(patients)
    assert len(cases) == 1775


def test_breasts_without_an_image_are_counted_by_class(root):
    for patient in ("D1-0001", "D1-0003", "D1-0005"):
        shutil.rmtree(root / "CMMD" / patient)
    dataset = read_cmmd(root, CALCIFICATION)
    assert dataset.notes[-1] == (
        "Left out are 3 of 12 labelled breasts: benign 0 of 6, malignant 3 of 6; "
        "the share of malignant breasts went from 50.0 % to 33.3 %."
    )
    listed = read_cmmd(root, dataclasses.replace(CALCIFICATION, require_files=False))
    assert not any("Left out are" in note for note in listed.notes)
