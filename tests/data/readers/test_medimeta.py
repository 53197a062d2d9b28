"""MedIMeta's layout: what is read."""

from __future__ import annotations

import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from keras_wa.data import ReadOptions, load_cases, split_cases
from keras_wa.data.splits import check_split
from keras_wa.errors import UserError
from keras_wa.testing import run_dataset_test
from tests.data.readers.medimeta_tree import (
    LABELS,
    PARTS,
    PATIENTS,
    annotations,
    edit_annotations,
    info_of,
    pixels_of,
    set_at,
    task,
    write_medimeta,
)

MASS = ReadOptions(lesion="mass")


def test_rows_labels_parts_and_findings_are_those_of_the_files(written_medimeta):
    dataset = run_dataset_test("medimeta", written_medimeta)
    cases = dataset.cases
    assert list(cases["roi_id"]) == [f"{i:06d}" for i in range(12)]
    assert list(cases["label"]) == LABELS
    assert list(cases["split"]) == PARTS
    assert list(cases["patient_id"]) == [f"P_{number:05d}" for number in PATIENTS]
    row = cases.iloc[10].dropna().to_dict()
    assert row == {
        "roi_id": "000010",
        "patient_id": "P_00008",
        "breast": "RIGHT",
        "view": "CC",
        "lesion": "1",
        "lesion_type": "calcification",
        "label": 0,
        "pathology": "benign",
        "split": "val",
        "density": 3,
        "assessment": 4,
        "subtlety": 5,
        "morphology": "AMORPHOUS|PLEOMORPHIC",
        "distribution": "CLUSTERED",
        "crop_path": "images/000010.tiff",
    }
    # Density 0 means that none was given, assessment 0 is a BI-RADS category.
    assert pd.isna(cases["density"][11])
    assert cases["assessment"][11] == 0
    assert (dataset.root, dataset.split, dataset.skipped) == (
        written_medimeta,
        "MedIMeta's own",
        [],
    )
    (note,) = dataset.notes
    assert "224 by 224 pixels; `crop`, `field_mm` and `pixel_spacing` have no" in note


@pytest.mark.parametrize("suffix", [".tiff", ".png"])
def test_pixels_are_those_that_were_written(tmp_path, suffix):
    pixels = write_medimeta(tmp_path / "mammo_calc", suffix)
    dataset = load_cases("medimeta", tmp_path / "mammo_calc")
    for expected, (_, row) in zip(pixels, dataset.cases.iterrows(), strict=True):
        np.testing.assert_array_equal(dataset.read(row).pixels, expected)


def test_the_hdf5_gives_the_same_without_the_folder_of_images(
    written_medimeta, medimeta
):
    shutil.rmtree(medimeta / "images")
    files = load_cases("medimeta", written_medimeta)
    dataset = load_cases("medimeta", medimeta)
    drop = {"columns": "crop_path"}
    pd.testing.assert_frame_equal(dataset.cases.drop(**drop), files.cases.drop(**drop))
    assert set(dataset.cases["crop_path"]) == {"images.hdf5"}
    sources = set()
    for number, expected in enumerate(pixels_of(12)):
        roi = dataset.read(dataset.cases.iloc[number])
        np.testing.assert_array_equal(roi.pixels, expected)
        sources |= set(roi.facts["sources"].items())
    # Else every ROI were a copy of the first.
    assert len({name for name, _ in sources}) == len(dict(map(reversed, sources))) == 12
    for groups in ((), ("images",)):
        with h5py.File(medimeta / "images.hdf5", "w") as file:
            for group in groups:
                file.create_group(group)
        with pytest.raises(
            UserError, match=r"images\.hdf5: cannot be read as image 000003"
        ):
            dataset.read(dataset.cases.iloc[3])


def test_the_one_dataset_in_a_folder_is_found(medimeta):
    assert load_cases("medimeta", medimeta.parent).root == medimeta
    shutil.copytree(medimeta, medimeta.parent / "mammo_mass")
    found = r"folders with info.yaml. Received: 2 \(mammo_calc, mammo_mass\)"
    with pytest.raises(UserError, match=found):
        load_cases("medimeta", medimeta.parent)
    with pytest.raises(UserError, match=r"Received: 0 \(none\); expected one of MedI"):
        load_cases("medimeta", medimeta / "images")


def test_the_meaning_of_a_label_is_read_from_the_info(medimeta):
    info_of(tasks=task({0: "Malignant", 1: "BENIGN"}))(medimeta)
    cases = load_cases("medimeta", medimeta).cases
    assert list(cases["label"]) == [1 - label for label in LABELS]
    assert set(cases["pathology"][cases["label"] == 1]) == {"malignant"}


def test_masses_have_columns_of_their_own(medimeta):
    info_of(id="mammo_mass")(medimeta)
    table = annotations().rename(
        columns={
            "breast density": "breast_density",
            "calc type": "mass shape",
            "calc distribution": "mass margins",
        }
    )
    table.drop(columns="tasks/calc type").to_csv(
        medimeta / "annotations.csv", index=False
    )
    row = load_cases("medimeta", medimeta, options=MASS).cases.iloc[0]
    assert row["lesion_type"] == "mass"
    assert (row["density"], row["morphology"], row["distribution"]) == (
        3,
        "AMORPHOUS|PLEOMORPHIC",
        "CLUSTERED",
    )
    with pytest.raises(UserError, match="`lesion='calcification'`: none of 12 ROIs"):
        load_cases("medimeta", medimeta)


def test_its_validation_part_is_kept_and_other_protocols_draw_anew(written_medimeta):
    cases = load_cases("medimeta", written_medimeta).cases
    pd.testing.assert_frame_equal(split_cases(cases, val_fraction=0.5), cases)
    folds = split_cases(cases, "patient-kfold", k=2)
    check_split(folds)
    assert list(folds["split"]) != PARTS


@pytest.mark.parametrize("absent", ["file", "column", "values"])
def test_without_patients_each_image_is_one_and_a_note_warns(medimeta, absent):
    if absent == "file":
        (medimeta / "annotations.csv").unlink()
    elif absent == "column":
        edit_annotations(medimeta, lambda table: table.drop(columns="patient_id"))
    else:
        edit_annotations(medimeta, lambda table: table.assign(patient_id=""))
    dataset = load_cases("medimeta", medimeta)
    assert list(dataset.cases["patient_id"]) == list(dataset.cases["roi_id"])
    assert list(dataset.cases["label"]) == LABELS
    assert "so each image counts as a patient" in dataset.notes[1]
    assert dataset.cases["view"].isna().all() == (absent == "file")


def test_whole_numbers_beside_gaps_are_read_as_pandas_writes_them(medimeta):
    table = annotations()
    for name in ("abnormality id", "breast density", "subtlety"):
        table[name] = table[name].astype(float).where(table.index > 0)
    table.to_csv(medimeta / "annotations.csv", index=False)
    assert "3.0" in (medimeta / "annotations.csv").read_text()
    cases = load_cases("medimeta", medimeta).cases
    assert cases.iloc[0][["lesion", "density", "subtlety"]].isna().all()
    assert cases["lesion"][1] == "2"
    assert cases["density"][2] == 3


def test_what_cannot_be_used_is_skipped_and_the_rest_goes_on(medimeta):
    set_at(3, "patient_id", "")(medimeta)
    set_at(4, "subtlety", "high")(medimeta)
    edit_annotations(medimeta, lambda table: table.drop(index=11))
    (medimeta / "images" / "000000.tiff").unlink()
    (medimeta / "images" / "000005.tiff").write_bytes(b"II*\0 cut off")
    Image.new("L", (64, 224)).save(medimeta / "images" / "000009.tiff")
    dataset = load_cases("medimeta", medimeta)
    assert dataset.skipped == [
        (
            "annotations.csv",
            "line 5: patient_id. Received: nothing; expected a value, as in other "
            "lines.",
        ),
        (
            "annotations.csv",
            "line 6: subtlety. Received: 'high'; expected one digit, or nothing.",
        ),
        ("images/000011.tiff", "no line of annotations.csv is about it."),
        ("images/000000.tiff", "the image is missing."),
    ]
    counted = "4 of 12 labelled ROIs: benign 4 of 7, malignant 0 of 5"
    assert any(counted in note for note in dataset.notes)
    rows = dataset.cases.set_index("roi_id", drop=False)
    assert len(rows) == 8
    with pytest.raises(UserError, match=r"000005\.tiff: not a readable image"):
        dataset.read(rows.loc["000005"])
    with pytest.raises(UserError, match="Received: 224 by 64 pixels; expected 224 by"):
        dataset.read(rows.loc["000009"])
    np.testing.assert_array_equal(
        dataset.read(rows.loc["000010"]).pixels, pixels_of(12)[10]
    )
