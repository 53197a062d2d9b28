"""INbreast as released: a table with semicolons, DICOM files, XML annotations."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from keras_wa.data.options import ReadOptions
from keras_wa.data.readers.inbreast import read_inbreast
from keras_wa.errors import UserError
from keras_wa.testing import run_dataset_test
from tests.data.io.dicom_files import write_dicom
from tests.data.readers.test_inbreast_rois import (
    calcification,
    square,
    write_annotation,
)

COLUMNS = (
    "Patient ID;Patient age;Laterality;View;Acquisition date;File Name;ACR;Bi-Rads"
)
CALCIFICATION = ReadOptions()
ALL = ReadOptions(lesion="all")
MASS = ("Mass", square(300, 200, 50))
CLUSTER = [calcification(100 + 9 * i, 400 - 9 * i) for i in range(3)]


def write_image(root: Path, name: str, patient: str, pixels=None) -> Path:
    path = root / "AllDICOMs" / f"{name}_{patient}_MG_L_ML_ANON.dcm"
    path.parent.mkdir(parents=True, exist_ok=True)
    if pixels is None:
        pixels = np.zeros((600, 500), np.uint16)
    return write_dicom(path, pixels, bits=14)


def write_case(root: Path, name: str, patient: str, reading: str, *marks) -> None:
    """One row of the table, its DICOM file and, if there are marks, its annotation."""
    with (root / "INbreast.csv").open("a") as file:
        file.write(f"removed;removed;L;MLO;201001;{name};2;{reading}\n")
    write_image(root, name, patient)
    if marks:
        write_annotation(root / "AllXML" / f"{name}.xml", list(marks))


@pytest.fixture
def release(tmp_path) -> Path:
    """Ten patients with two images each, by turns BI-RADS 2 and 5."""
    root = tmp_path / "INbreast Release 1.0"
    root.mkdir()
    (root / "INbreast.csv").write_text(COLUMNS + "\n")
    for i in range(20):
        patient = f"{i // 2:016x}"
        reading = "25"[i // 2 % 2]
        write_case(root, f"{22678600 + i}", patient, reading, MASS, *CLUSTER)
    return root


def by_id(dataset) -> dict[str, pd.Series]:
    return {row["roi_id"]: row for _, row in dataset.cases.iterrows()}


def test_each_roi_has_the_reading_of_its_image_and_the_patient_of_its_file(release):
    dataset = run_dataset_test("inbreast", release.parent, ALL)
    cases = dataset.cases
    assert dataset.name == "inbreast"
    assert len(cases) == 40
    assert cases["patient_id"].nunique() == 10
    row = by_id(dataset)["22678602_1"]
    assert row["patient_id"] == "0000000000000001"
    assert (row["label"], row["assessment"], row["density"]) == (1, 5, 2)
    assert (row["breast"], row["view"]) == ("LEFT", "MLO")
    assert row["lesion_type"] == "mass"
    assert row["image_path"] == (
        "INbreast Release 1.0/AllDICOMs/22678602_0000000000000001_MG_L_ML_ANON.dcm"
    )
    # A reading is no pathology, and the number in an image none of a lesion.
    assert cases[["pathology", "lesion"]].isna().all(axis=None)
    assert any("not pathology: BI-RADS 1 to 3 is label 0" in n for n in dataset.notes)


def test_which_readings_are_malignant(release):
    readings = ["1", "2", "3", "4a", "4B", "4 c", "4", "5", "6"]
    for number, reading in enumerate(readings):
        write_case(release, f"3000000{number}", "ff", reading, MASS)
    cases = by_id(read_inbreast(release, ALL))
    rows = [cases[f"3000000{number}_1"] for number in range(9)]
    assert [row["label"] for row in rows] == [0, 0, 0, 1, 1, 1, 1, 1, 1]
    assert [row["assessment"] for row in rows] == [1, 2, 3, 4, 4, 4, 4, 5, 6]


@pytest.mark.parametrize(
    ("lesion", "types"),
    [("calcification", {"calcification"}), ("mass", {"mass"})],
)
def test_one_lesion_type_is_chosen_and_the_names_stay(release, lesion, types):
    every = by_id(read_inbreast(release, ALL))
    dataset = read_inbreast(release, ReadOptions(lesion=lesion))
    chosen = by_id(dataset)
    assert {row["lesion_type"] for row in chosen.values()} == types
    assert len(chosen) == 20
    for name, row in chosen.items():
        assert row["box_top"] == every[name]["box_top"]
    assert any("20 of 40 ROIs are kept" in note for note in dataset.notes)


def test_asymmetry_and_distortion_are_neither_and_read_by_all(release):
    write_case(release, "30000000", "ff", "5", ("Assymetry", square(9, 9, 9)))
    row = by_id(read_inbreast(release, ALL))["30000000_1"]
    assert pd.isna(row["lesion_type"])
    assert row["morphology"] == "ASYMMETRY"


@pytest.mark.parametrize("crop", ["fixed", "roi"])
def test_the_roi_shows_what_was_marked(release, crop):
    # Bright calcifications where they are marked, a brighter thing elsewhere.
    pixels = np.zeros((600, 500), np.uint16)
    for _, ((x, y),) in CLUSTER:
        pixels[y, x] = 8000
    pixels[200, 300] = 16383
    write_image(release, "22678602", "0000000000000001", pixels)
    options = dataclasses.replace(CALCIFICATION, crop=crop, field_mm=5.0)
    dataset = read_inbreast(release, options)
    roi = dataset.read(by_id(dataset)["22678602_2"])
    side = {"fixed": round(5 / 0.07), "roi": round(19 * 1.2)}[crop]
    assert roi.pixels.shape == (side, side)
    assert roi.facts["size_mm"] == pytest.approx([side * 0.07] * 2)
    bright = np.argwhere(roi.pixels == round(8000 / 16383 * 255))
    assert len(bright) == 3
    assert abs(bright.mean(axis=0) - (side - 1) / 2).max() <= 1
    assert roi.pixels.max() < 200


def test_marks_images_and_rows_that_cannot_be_used_are_told(release):
    write_case(release, "30000001", "ff", "2")
    write_case(release, "30000002", "ff", "2", ("Spiculated Region", square(1, 1, 5)))
    write_case(release, "30000003", "ff", "", MASS)
    write_case(release, "30000004", "ff", "0", MASS)
    write_case(release, "30000005", "ff", "2", MASS)
    write_case(release, "30000005", "ff", "5", MASS)
    write_case(release, "30000006", "ff", "2", MASS)
    (release / "AllXML" / "30000006.xml").write_text("<plist>")
    write_case(release, "30000007", "ff", "5", MASS)
    next(release.rglob("30000007*.dcm")).unlink()
    with (release / "INbreast.csv").open("a") as file:
        file.write("removed;removed;L;MLO;201001;abc;2;2\n;;;;;;legend;\n")
    dataset = read_inbreast(release, ALL)
    assert dataset.skipped == [
        *(
            ("INbreast.csv", f"line {line}: {reason}")
            for line, reason in (
                (
                    24,
                    "Bi-Rads of image 30000003. Received: 'nothing'; expected one of "
                    "1, 2, 3, 4, 4a, 4b, 4c, 5, 6.",
                ),
                (
                    25,
                    "Bi-Rads of image 30000004. Received: '0'; expected one of 1, 2, "
                    "3, 4, 4a, 4b, 4c, 5, 6.",
                ),
                (27, "image 30000005 is repeated."),
                (30, "File Name. Received: 'abc'; expected a number."),
            )
        ),
        *dataset.skipped[4:],
    ]
    (xml, broken), (dicom, absent) = dataset.skipped[4:]
    assert xml == "AllXML/30000006.xml"
    assert broken.startswith("cannot be read as an annotation (")
    assert dicom == "30000007.dcm"
    assert "whose name has the patient" in absent
    assert by_id(dataset)["30000005_1"]["label"] == 0
    assert "1 images have no annotation and so no ROI." in dataset.notes
    assert "Marks that make no ROI: spiculated region 1." in dataset.notes
    assert dataset.notes[-1] == (
        "Left out are 2 of 24 labelled images: benign 1 of 13, malignant 1 of "
        "11; the share of malignant images went from 45.8 % to 45.5 %."
    )


def test_the_annotations_of_the_pectoral_muscle_are_not_read(release):
    other = release / "PectoralMuscle" / "Pectoral Muscle XML"
    write_annotation(other / "22678600.xml", [("Mass", square(1, 1, 2))])
    shutil.copy(other / "22678600.xml", release / "AllXML" / "22678600_muscle.xml")
    assert by_id(read_inbreast(release, ALL))["22678600_1"]["box_top"] == 200


def test_a_missing_density_is_missing(release):
    table = release / "INbreast.csv"
    lines = table.read_text().splitlines()
    lines[1] = lines[1].replace(";2;2", f";{' ' * 80};2")
    table.write_text("\n".join(lines))
    cases = by_id(read_inbreast(release, ALL))
    assert pd.isna(cases["22678600_1"]["density"])
    assert cases["22678601_1"]["density"] == 2


def test_the_spreadsheet_serves_as_well_with_its_legend_at_the_end(release):
    expected = read_inbreast(release, ALL).cases
    frame = pd.read_csv(release / "INbreast.csv", sep=";")
    frame["Mass "] = "X"
    legend = pd.DataFrame([{"Patient ID": None, "View": "X = present"}] * 2)
    frame = pd.concat([frame, legend])
    frame.to_excel(release / "INbreast.xlsx", index=False)
    (release / "INbreast.csv").unlink()
    assert read_inbreast(release, ALL).cases.equals(expected)


def test_a_release_that_lacks_a_part_is_a_user_error(release, tmp_path):
    with pytest.raises(UserError, match="INbreast ships no crops"):
        read_inbreast(release, dataclasses.replace(ALL, crop="official"))
    (release / "AllXML").rename(release / "Elsewhere")
    with pytest.raises(UserError, match=r"annotations\. Received: none in a folder"):
        read_inbreast(release, ALL)
    (release / "INbreast.csv").unlink()
    with pytest.raises(UserError, match=r"table of images.*INbreast\.csv or INbreast"):
        read_inbreast(release, ALL)
