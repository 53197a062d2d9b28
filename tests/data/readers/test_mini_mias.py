"""mini-MIAS as its archives have it: the list with its head and notes, PGM images."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from keras_wa.data.options import ReadOptions
from keras_wa.data.readers.mini_mias import read_mini_mias
from keras_wa.errors import UserError
from keras_wa.testing import run_dataset_test

HEAD = """\
INFORMATION:

This file lists the films in the MIAS database and provides
appropriate details as follows:

1st column: MIAS database reference number.
...
7th column: Approximate radius (in pixels) of a circle enclosing
            the abnormality.

REFNUM BG CLASS SEVERITY X Y RADIUS
"""
NOTES = """
NOTES
=====
3) When calcifications are present, centre locations and radii
   apply to clusters rather than individual calcifications.
   Coordinate system origin is the bottom-left corner.
"""
LINES = """\
mdb001 G CIRC B 535 425 197
mdb002 G CIRC B 522 280 69\x20
mdb003 D NORM\x20
mdb004 D NORM\x20
mdb005 F CIRC B 477 133 30
mdb005 F CIRC B 500 168 26
mdb013 G MISC B 667 365 31
mdb072 G ASYM M 266 517 28
mdb115 G ARCH M 461 532 117
mdb178 G SPIC M 492 600 70
mdb209 G CALC M 647 503 87
mdb212 G CALC B 687 882 3
mdb216 D CALC M *NOTE 3*
mdb218 G CALC B 519 629 8
mdb245 F CALC M
mdb249 D CALC M 544 508 48
mdb249 D CALC M 575 639 64
"""
ALL = ReadOptions(lesion="all")
# Only the list: the properties of the table need no images.
LISTED = dataclasses.replace(ALL, require_files=False)


def write_list(root: Path, text: str = HEAD + LINES + NOTES) -> None:
    (root / "Info.txt").write_text(text)


def write_pgm(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = image.shape
    path.write_bytes(b"P5\n%d %d\n255\n" % (width, height) + image.tobytes())


@pytest.fixture
def root(tmp_path) -> Path:
    write_list(tmp_path)
    return tmp_path


def rows(dataset) -> dict[str, pd.Series]:
    return {row["roi_id"]: row for _, row in dataset.cases.iterrows()}


def test_each_abnormality_with_a_place_has_a_row(root):
    dataset = run_dataset_test("mini-mias", root, LISTED, pixels=0)
    cases = rows(dataset)
    assert list(cases) == [
        *("mdb001_1", "mdb002_1", "mdb005_1", "mdb005_2", "mdb013_1", "mdb072_1"),
        *("mdb115_1", "mdb178_1", "mdb209_1", "mdb212_1", "mdb218_1"),
        *("mdb249_1", "mdb249_2"),
    ]
    row = cases["mdb209_1"]
    assert (row["label"], row["pathology"]) == (1, "MALIGNANT")
    assert (row["morphology"], row["lesion_type"]) == ("CALC", "calcification")
    assert (row["view"], row["lesion"]) == ("MLO", "1")
    # x 647, y 503 from the bottom, radius 87: rows 1023 - 503 - 87 to 1023 - 503 + 87.
    assert [row[f"box_{side}"] for side in ("left", "top", "width", "height")] == [
        *(560, 433, 175, 175)
    ]
    # The background tissue is no BI-RADS density, and nobody assessed.
    assert dataset.cases[["density", "assessment", "breast"]].isna().all(axis=None)
    assert any("2 normal films" in note for note in dataset.notes)
    assert any("no BI-RADS density" in note for note in dataset.notes)


def test_two_consecutive_films_are_one_woman(root):
    write_list(root, "".join(f"mdb{i:03d} F CALC B 9 9 3\n" for i in range(1, 323)))
    with pytest.raises(UserError, match="Too few patients"):
        read_mini_mias(root, LISTED)
    lines = [f"mdb{i:03d} F CALC {'BM'[(i + 1) // 2 % 2]} 9 9 3" for i in range(1, 323)]
    write_list(root, "\n".join(lines))
    cases = read_mini_mias(root, LISTED).cases
    patients = cases.groupby("patient_id")["roi_id"].agg(list)
    assert len(patients) == 161
    assert patients["mdb001-002"] == ["mdb001_1", "mdb002_1"]
    assert patients["mdb321-322"] == ["mdb321_1", "mdb322_1"]


@pytest.mark.parametrize(
    ("lesion", "kinds", "count"),
    [
        ("calcification", {"CALC"}, 5),
        ("mass", {"CIRC", "SPIC", "MISC"}, 6),
        ("all", {"CALC", "CIRC", "SPIC", "MISC", "ARCH", "ASYM"}, 13),
    ],
)
def test_which_classes_are_which_lesion(root, lesion, kinds, count):
    write_list(root, LINES + "mdb271 F MISC M 784 270 68\nmdb219 G CALC B 546 756 29\n")
    options = dataclasses.replace(LISTED, lesion=lesion)
    cases = read_mini_mias(root, options).cases
    assert set(cases["morphology"]) == kinds
    assert len(cases) == count + {"calcification": 1, "mass": 1, "all": 2}[lesion]
    others = cases[cases["morphology"].isin(["ARCH", "ASYM"])]
    assert others["lesion_type"].isna().all()


def test_an_abnormality_without_a_place_is_left_out_with_the_reason(root):
    dataset = read_mini_mias(root, LISTED)
    assert [reason for _, reason in dataset.skipped] == [
        "line 24, mdb216: no place of the abnormality. Received: *NOTE 3*; expected x, "
        "y and radius, without which there is no ROI to cut.",
        "line 26, mdb245: no place of the abnormality. Received: nothing; expected x, "
        "y and radius, without which there is no ROI to cut.",
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("mdb300 X CALC B 9 9 3", "background tissue. Received: 'X'"),
        ("mdb300 F LUMP B 9 9 3", "class of abnormality. Received: 'LUMP'"),
        ("mdb300 F CALC 9 9 3", "severity. Received: '9'; expected B or M"),
        ("mdb300 F CALC", "severity. Received: ''"),
        ("mdb300 F CALC B 9 9", "no place of the abnormality. Received: 9 9;"),
        ("mdb300 F CALC B -9 9 3", "no place of the abnormality. Received: -9 9 3;"),
        ("mdb300 F CALC B 1024 9 3", "place of the abnormality. Received: x 1024, y 9"),
        ("mdb300 F CALC B 9 9 0", "place of the abnormality. Received: x 9, y 9, rad"),
        ("mdb209 g calc m 647 503 87", "repeated"),
    ],
)
def test_a_bad_line_is_skipped_and_the_rest_goes_on(root, line, reason):
    write_list(root, LINES + line + "\n")
    dataset = read_mini_mias(root, LISTED)
    assert len(dataset.cases) == 13
    name, told = dataset.skipped[-1]
    assert name == "Info.txt"
    assert told.startswith(f"line 18, {line[:6]}: {reason}")


@pytest.mark.parametrize("crop", ["fixed", "roi"])
def test_y_counts_from_the_bottom(root, crop):
    # A mark at mdb209's place, another where it would be if y counted from the top.
    image = np.zeros((1024, 1024), np.uint8)
    cv2.circle(image, (647, 1023 - 503), 3, 255, -1)
    cv2.circle(image, (647 + 20, 503), 3, 90, -1)
    write_pgm(root / "all-mias" / "mdb209.pgm", image)
    # mdb212 lies near the top edge: its field reaches outside the image.
    high = np.full((1024, 1024), 60, np.uint8)
    cv2.circle(high, (687, 1023 - 882), 3, 255, -1)
    write_pgm(root / "all-mias" / "mdb212.pgm", high)
    dataset = read_mini_mias(root, dataclasses.replace(LISTED, crop=crop))
    roi = dataset.read(rows(dataset)["mdb209_1"])
    side = 128 if crop == "fixed" else 210
    assert roi.pixels.shape == (side, side)
    assert roi.facts["size_mm"] == pytest.approx([side / 5, side / 5])
    assert roi.facts["spacing_from"] == "assumed"
    bright = np.argwhere(roi.pixels == 255)
    assert abs(bright.mean(axis=0) - side / 2).max() <= 1
    roi = dataset.read(rows(dataset)["mdb212_1"])
    bright = np.argwhere(roi.pixels == 255)
    assert abs(bright.mean(axis=0) - roi.pixels.shape[0] / 2).max() <= 1


def test_images_are_found_anywhere_and_the_pgm_is_preferred(root):
    write_list(root, LINES.upper().replace("MDB", "mdb"))
    for film in ("001", "002", "005", "178", "209", "249"):
        path = root / "deep" / "er" / f"MDB{film}.PGM"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (root / "mdb209.jpg").touch()
    (root / "mdb209.pgm.PNG").touch()
    (root / "mdb115.png").touch()
    dataset = read_mini_mias(root, ALL)
    paths = {row["roi_id"]: row["image_path"] for row in rows(dataset).values()}
    assert paths["mdb209_1"] == "deep/er/MDB209.PGM"
    assert paths["mdb115_1"] == "mdb115.png"
    assert (
        "Images left out because another file of the same film is read: 2, such as "
        "mdb209.jpg."
    ) in dataset.notes
    assert "mdb212_1" not in paths
    assert ("mdb212.pgm", "the image is missing.") in dataset.skipped
    counted = "4 of 13 labelled ROIs: benign 3 of 7, malignant 1 of 6"
    assert any(counted in note for note in dataset.notes)


def test_an_image_of_another_size_is_refused_when_it_is_read(root):
    write_pgm(root / "mdb209.pgm", np.zeros((512, 512), np.uint8))
    dataset = read_mini_mias(root, LISTED)
    with pytest.raises(UserError, match=r"mdb209\.pgm: .* 512 by 512 .* 1024 by 1024"):
        dataset.read(rows(dataset)["mdb209_1"])


@pytest.mark.parametrize("name", ["info.txt", "README", "readme.txt"])
def test_the_list_goes_by_several_names(tmp_path, name):
    (tmp_path / "all-mias").mkdir()
    path = tmp_path / "all-mias" / name
    path.write_bytes((HEAD + LINES).replace("\n", "\r\n").encode())
    assert len(read_mini_mias(tmp_path, LISTED).cases) == 13


def test_no_list_and_the_list_of_the_full_size_set_are_user_errors(tmp_path):
    with pytest.raises(UserError, match=r"mini-MIAS's list of films.*Info\.txt"):
        read_mini_mias(tmp_path, ALL)
    write_list(tmp_path, "nothing here")
    with pytest.raises(UserError, match=r"Info\.txt: lines such as .* none; expected"):
        read_mini_mias(tmp_path, ALL)
    write_list(tmp_path, "mdb001lm  G  CIRC  B  1815  1116  790\n")
    with pytest.raises(UserError, match="of the full-size MIAS"):
        read_mini_mias(tmp_path, ALL)


def test_without_images_and_with_official_crops_it_says_why(root):
    with pytest.raises(UserError, match=r"no ROI is left"):
        read_mini_mias(root, ALL)
    with pytest.raises(UserError, match="mini-MIAS ships no crops"):
        read_mini_mias(root, dataclasses.replace(LISTED, crop="official"))
