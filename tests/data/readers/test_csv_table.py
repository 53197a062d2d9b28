"""The generic table of images, with masks, boxes and every way to be wrong."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from keras_wa.data.options import ReadOptions
from keras_wa.data.readers.csv_table import read_csv_table
from keras_wa.errors import UserError
from keras_wa.testing import run_dataset_test

OPTIONS = ReadOptions(field_mm=4.0, pixel_spacing=0.2)
PLACE = {"box_left": 30, "box_top": 50, "box_width": 4, "box_height": 2}


def write_image(path: Path, image: np.ndarray | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((80, 60), 40, np.uint8) if image is None else image
    assert cv2.imwrite(str(path), image)


def table(root: Path, rows: list[dict], name: str = "cases.csv") -> Path:
    pd.DataFrame(rows, dtype=object).to_csv(root / name, index=False)
    return root / name


def cases_of(count: int = 12, **values) -> list[dict]:
    """Patients with an image each, by turns benign and malignant."""
    return [
        {
            "path": f"images/{i:02d}.png",
            "label": ["benign", "malignant"][i % 2],
            "patient": f"p{i:02d}",
            **values,
        }
        for i in range(count)
    ]


@pytest.fixture
def root(tmp_path) -> Path:
    for i in range(12):
        write_image(tmp_path / "images" / f"{i:02d}.png")
    return tmp_path


def read(root: Path, rows: list[dict], options: ReadOptions = OPTIONS):
    return read_csv_table(table(root, rows), options)


def test_path_label_and_patient_are_enough(root):
    dataset = run_dataset_test("csv", table(root, cases_of()).parent)
    cases = dataset.cases
    assert dataset.name == "csv"
    assert dataset.root == root
    assert list(cases["roi_id"]) == [f"images/{i:02d}.png" for i in range(12)]
    assert list(cases["image_path"]) == list(cases["roi_id"])
    assert list(cases["label"]) == [0, 1] * 6
    assert list(cases["patient_id"]) == [f"p{i:02d}" for i in range(12)]
    assert any("test part was drawn by patient" in note for note in dataset.notes)
    roi = dataset.read(cases.iloc[0])
    assert roi.pixels.shape == (80, 60)
    assert list(roi.facts["sources"]) == ["images/00.png"]


def test_a_folder_with_the_table_will_do_and_two_tables_will_not(root):
    table(root, cases_of(), "list.CSV")
    assert read_csv_table(root, OPTIONS).cases.equals(
        read_csv_table(root / "list.CSV", OPTIONS).cases
    )
    table(root, cases_of(), "b.csv")
    with pytest.raises(UserError, match=r"CSV files\. Received: 2 \(b\.csv, list\.CSV"):
        read_csv_table(root, OPTIONS)
    with pytest.raises(UserError, match=r"images: CSV files\. Received: 0 \(none\)"):
        read_csv_table(root / "images", OPTIONS)
    with pytest.raises(UserError, match=r"gone: cannot be opened"):
        read_csv_table(root / "gone", OPTIONS)


def test_a_table_that_excel_wrote_on_windows_is_the_same_and_a_note_says_so(root):
    write_image(root / "masks" / "00.png", np.eye(80, 60, dtype=np.uint8))
    rows = cases_of(mask=None)
    rows[0]["mask"] = "masks/00.png"
    before = read(root, rows)
    for row in rows:
        row["path"] = row["path"].replace("/", "\\")
    rows[0]["mask"] = "masks\\00.png"
    lines = pd.DataFrame(rows).to_csv(index=False, sep=";")
    (root / "cases.csv").write_text(f"sep=;\r\n{lines}", encoding="utf-8-sig")
    dataset = read_csv_table(root / "cases.csv", OPTIONS)
    assert dataset.cases.equals(before.cases)
    assert dataset.skipped == []
    assert (
        "Backslashes were read as / in 13 paths, such as images\\00.png."
    ) in dataset.notes
    rows[1]["path"] = "images\\gone.png"
    ((_, reason),) = read(root, rows).skipped
    assert "Received: 'images\\\\gone.png'; expected a path below" in reason


def test_rows_of_one_name_but_for_the_suffix_are_two_rois_and_a_note_warns(root):
    write_image(root / "images" / "03.tif")
    rows = [*cases_of(), {**cases_of()[3], "path": "images/03.tif"}]
    dataset = read(root, rows)
    assert len(dataset.cases) == 13
    (note,) = [note for note in dataset.notes if "same name" in note]
    assert "2, such as images/03.png and images/03.tif" in note
    boxes = [{**row, **PLACE} for row in cases_of()]
    boxes.append({**boxes[3], "box_left": 20})
    assert not any("same name" in note for note in read(root, boxes).notes)


@pytest.mark.parametrize(
    ("written", "label"),
    [("0", 0), ("1", 1), ("1.0", 1), ("Benign", 0), ("MALIGNANT", 1)],
)
def test_the_ways_to_write_a_label(root, written, label):
    rows = cases_of()
    rows[3] = {**rows[3], "label": written}
    assert read(root, rows).cases["label"][3] == label


def test_the_split_of_the_table_stays(root):
    rows = cases_of()
    parts = ["train"] * 6 + ["Validation"] * 2 + ["val"] * 2 + ["TEST"] * 2
    for row, part in zip(rows, parts, strict=True):
        row["split"] = part
    dataset = read(root, rows)
    assert list(dataset.cases["split"]) == ["train"] * 6 + ["val"] * 4 + ["test"] * 2
    assert dataset.notes == []
    assert dataset.split == "the table's own"
    rows[0]["split"] = None
    rows[1]["split"] = "holdout"
    assert [reason for _, reason in read(root, rows).skipped] == [
        "line 2: split. Received: 'nothing'; expected train, val, test.",
        "line 3: split. Received: 'holdout'; expected train, val, test.",
    ]


def test_lost_rows_are_counted_by_class(root):
    rows = cases_of()
    for gone in (1, 3, 5):
        os.unlink(root / rows[gone]["path"])
    rows += [rows[0], {**rows[2], "label": "unknown"}]  # Neither is a lost ROI.
    (note,) = (each for each in read(root, rows).notes if "Left out are" in each)
    assert note == (
        "Left out are 3 of 12 labelled ROIs: benign 0 of 6, malignant 3 of 6; "
        "the share of malignant ROIs went from 50.0 % to 33.3 %."
    )


def test_a_patient_in_two_parts_is_an_error(root):
    rows = cases_of(split="train")
    rows[10] |= {"split": "test", "patient": "p00"}
    rows[11] |= {"split": "test"}
    with pytest.raises(UserError, match=r"cases\.csv: .* patient 'p00' in test and"):
        read(root, rows)


@pytest.mark.parametrize("crop", ["fixed", "roi"])
@pytest.mark.parametrize("how", ["mask", "box"])
def test_the_roi_is_cut_where_the_lesion_is_marked(root, crop, how):
    image = np.full((80, 60), 40, np.uint8)
    image[50:52, 30:34] = 250
    write_image(root / "images" / "00.png", image)
    mask = np.zeros((80, 60), np.uint8)
    mask[50:52, 30:34] = 255
    write_image(root / "masks" / "00.png", mask)
    where = PLACE if how == "box" else {"mask": "masks/00.png"}
    options = ReadOptions(crop=crop, field_mm=4.0, pixel_spacing=0.2)
    dataset = read(root, [{**row, **where} for row in cases_of()], options)
    roi = dataset.read(dataset.cases.iloc[0])
    side = {"fixed": 20, "roi": 5}[crop]
    assert roi.pixels.shape == (side, side)
    bright = np.argwhere(roi.pixels == 250)
    assert len(bright) == 8
    assert abs(bright.mean(axis=0) - (side - 1) / 2).max() <= 1
    assert roi.facts["spacing_from"] == "option"


def test_several_lesions_in_an_image_are_kept_apart(root):
    rows = [*cases_of(), {**cases_of()[0], **PLACE}, {**cases_of()[0], **PLACE}]
    rows[13]["box_left"] = 5
    dataset = read(root, rows)
    assert list(dataset.cases["roi_id"])[-2:] == [
        "images/00.png#14",
        "images/00.png#15",
    ]
    assert dataset.cases["roi_id"][0] == "images/00.png#2"
    # A row without a box is the whole image, beside rows with one.
    assert dataset.read(dataset.cases.iloc[0]).pixels.shape == (80, 60)
    assert dataset.read(dataset.cases.iloc[13]).facts["window"][0] == 5 + (4 - 20) // 2


def test_a_fixed_field_needs_a_spacing_from_somewhere(root):
    plain = ReadOptions(field_mm=4.0)
    rows = cases_of(**PLACE)
    rows[1]["pixel_spacing_mm"] = 0.1
    dataset = read(root, rows, plain)
    with pytest.raises(
        UserError, match=r"00\.png: pixel spacing.*Give `pixel_spacing`"
    ):
        dataset.read(dataset.cases.iloc[0])
    roi = dataset.read(dataset.cases.iloc[1])
    assert roi.pixels.shape == (40, 40)
    assert roi.facts["spacing_from"] == "table"


def test_other_columns_of_the_case_table_are_read_and_unknown_ones_told(root):
    extra = {"view": "CC", "breast": "LEFT", "density": 3, "roi_id": None, "age": 44}
    rows = cases_of(**extra)
    rows[0]["roi_id"] = "mine"
    dataset = read(root, rows)
    row = dataset.cases.iloc[0]
    assert (row["roi_id"], row["view"], row["density"]) == ("mine", "CC", 3)
    assert dataset.cases["roi_id"][1] == "images/01.png"
    assert dataset.notes[0] == "Columns that were not read: age."


@pytest.mark.parametrize(
    ("lesion", "count"), [("calcification", 6), ("mass", 5), ("all", 12)]
)
def test_the_lesion_type_chooses_where_it_is_given(root, lesion, count):
    kinds = ["calcification", "Calcification", "mass", "MASS"]
    rows = [{**row, "lesion_type": kinds[i % 4]} for i, row in enumerate(cases_of())]
    rows[11]["lesion_type"] = None
    options = ReadOptions(lesion=lesion)
    assert len(read(root, rows, options).cases) == count
    # Without the column there is nothing to choose by.
    assert len(read(root, cases_of(), options).cases) == 12


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"path": None}, "path. Received: nothing"),
        ({"label": "2"}, "label. Received: '2'; expected 0, 1, benign or malignant."),
        ({"path": "images/gone.png"}, "images/gone.png: no such file below"),
        ({"path": "images"}, "images: no such file below"),
        ({"path": "x" * 5000}, "xxx"),
        ({"mask": "gone.png"}, "gone.png: no such file below"),
        ({"path": "../out.png"}, "path. Received: '../out.png'; expected a path below"),
        ({"path": "/etc/passwd"}, "path. Received: '/etc/passwd'; expected a path"),
        ({"path": "C:\\x.png"}, "path. Received: 'C:\\\\x.png'; expected a path"),
        ({"mask": "../m.png"}, "mask. Received: '../m.png'; expected a path below"),
        ({"box_left": 1}, "box. Received: box_left 1; expected all of box_left, box_"),
        ({**PLACE, "box_width": 0}, "box. Received: box_left 30, box_top 50, box_wid"),
        ({**PLACE, "box_left": -1}, "box_left. Received: '-1'; expected a whole numb"),
        ({**PLACE, "box_top": 1.5}, "box_top. Received: '1.5'; expected a whole numb"),
        ({**PLACE, "box_top": "inf"}, "box_top. Received: 'inf'; expected a whole num"),
        ({**PLACE, "mask": "images/00.png"}, "both a mask and a box"),
        ({"pixel_spacing_mm": 70}, "pixel_spacing_mm. Received: '70'; expected a numb"),
        ({"pixel_spacing_mm": "x"}, "pixel_spacing_mm. Received: 'x'; expected a numb"),
        ({"density": "dense"}, "density. Received: 'dense'; expected a whole number"),
        ({"lesion_type": "cyst"}, "lesion_type. Received: 'cyst'; expected calcificat"),
        ({"path": "images/00.png", "patient": "p00"}, "the same image and place as li"),
        ({"path": "images/00.png"}, "patient. Received: 'p11'; expected 'p00', whose"),
    ],
)
def test_a_bad_row_is_skipped_with_the_reason_and_the_rest_goes_on(
    root, change, reason
):
    rows = cases_of(**dict.fromkeys([*PLACE, "mask", "density", "lesion_type"]))
    rows[11] |= {"pixel_spacing_mm": None, **change}
    dataset = read(root, rows)
    assert len(dataset.cases) == 11
    ((name, told),) = dataset.skipped
    assert name == "cases.csv"
    assert told.startswith(f"line 13: {reason}")


def test_an_audit_of_the_metadata_needs_no_images(tmp_path):
    dataset = read(tmp_path, cases_of(), ReadOptions(require_files=False))
    assert len(dataset.cases) == 12
    with pytest.raises(UserError, match=r"s\.csv: no ROI is left.* 12 .* line 2: im"):
        read(tmp_path, cases_of())


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([{"path": "a", "label": 0}], OPTIONS, "column 'patient' is missing"),
        (cases_of(box_left=1), OPTIONS, "columns of the box. Received: box_left; ex"),
        (cases_of(image_path="x"), OPTIONS, "column 'image_path' is repeated"),
        (cases_of(**PLACE), ReadOptions(crop="official"), "ships no crops"),
        (cases_of(1), OPTIONS, "Too few patients"),
    ],
)
def test_a_table_that_cannot_serve_is_a_user_error(root, rows, options, message):
    with pytest.raises(UserError, match=message):
        read(root, rows, options)


@pytest.mark.shared_data
def test_the_table_of_the_mass_crops_is_read_as_it_lies(shared_data):
    root = shared_data / "cbis-mass-crops"
    dataset = read_csv_table(root, ReadOptions(lesion="mass"))
    cases = dataset.cases
    assert len(cases) == 844
    assert cases["patient_id"].nunique() == 535
    assert cases["label"].sum() == 402
    assert dataset.skipped == []
    assert dataset.notes[0] == "Columns that were not read: lesion_mask."
    # Without a mask the whole crop is the ROI.
    row = cases.iloc[0]
    stored = cv2.imread(str(root / row["image_path"]), cv2.IMREAD_GRAYSCALE)
    assert stored.shape == (256, 256)
    np.testing.assert_array_equal(dataset.read(row).pixels, stored)


def test_official_crops_are_the_images_where_nothing_is_marked(root):
    dataset = read(root, cases_of(), ReadOptions(crop="official"))
    assert dataset.read(dataset.cases.iloc[0]).pixels.shape == (80, 60)
