"""How INbreast's marks become ROIs, on property lists as OsiriX writes them."""

from __future__ import annotations

import plistlib
from pathlib import Path

import numpy as np
import pytest

from keras_wa.data.io import Box
from keras_wa.data.readers import inbreast_rois
from keras_wa.data.readers.inbreast_rois import PIXEL_MM, read_annotation
from keras_wa.errors import UserError

MM = 1 / PIXEL_MM
"""Pixels a millimetre."""


def write_annotation(path: Path, marks: list[tuple]) -> Path:
    """An annotation file with these names and points, in pixels."""
    rois = []
    for index, (name, points) in enumerate(marks):
        roi = {
            "Area": 0.0,
            "IndexInImage": index,
            "NumberOfPoints": len(points),
            "Point_mm": [f"({x * 0.07:f}, {y * 0.07:f}, 0.0)" for x, y in points],
            "Point_px": [f"({x:f}, {y:f})" for x, y in points],
            "Type": 15,
        }
        rois.append({**roi, "Name": name} if name is not None else roi)
    content = {"Images": [{"ImageIndex": 0, "NumberOfROIs": len(rois), "ROIs": rois}]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(plistlib.dumps(content))
    return path


def read(tmp_path, *marks):
    return read_annotation(write_annotation(tmp_path / "1.xml", list(marks)))


def calcification(x: float, y: float) -> tuple:
    return "Calcification", [(x, y)]


def square(left: float, top: float, side: float) -> list[tuple]:
    right, bottom = left + side, top + side
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def test_an_outline_is_the_box_about_its_points(tmp_path):
    found = read(tmp_path, ("Mass", [(10.2, 20.9), (30.7, 25.0), (14.0, 61.5)]))
    (roi,) = found.rois
    # Columns 10 to 30, rows 20 to 61.
    assert (roi.kind, roi.box) == ("mass", Box(10, 20, 21, 42))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Mass", "mass"),
        ("mass ", "mass"),
        ("Cluster", "calcification"),
        ("Asymmetry", "asymmetry"),
        ("Assymetry", "asymmetry"),
        ("Distortion", "distortion"),
    ],
)
def test_the_names_that_make_an_roi(tmp_path, name, kind):
    assert [roi.kind for roi in read(tmp_path, (name, square(5, 5, 9))).rois] == [kind]


def test_other_marks_are_counted_and_make_none(tmp_path):
    found = read(
        tmp_path,
        ("Spiculated Region", square(5, 5, 9)),
        ("Spiculated region", square(5, 5, 9)),
        ("Point 3", [(1, 1)]),
        (None, [(1, 1)]),
    )
    assert found.rois == []
    assert found.unused == {"spiculated region": 2, "point 3": 1, "unnamed": 1}


def test_three_calcifications_within_a_centimetre_are_a_group(tmp_path):
    near = [calcification(100, 200), calcification(130, 250), calcification(120, 300)]
    (roi,) = read(tmp_path, *near).rois
    assert (roi.kind, roi.box) == ("calcification", Box(100, 200, 31, 101))
    found = read(tmp_path, *near[:2])
    assert found.rois == []
    assert found.unused == {"scattered calcification": 2}


def test_a_group_lies_in_a_circle_of_a_centimetre(tmp_path):
    # A chain with steps of 4 mm: its ends are 20 mm apart, so it is no one group.
    chain = [calcification(50 + 4 * MM * i, 80) for i in range(6)]
    found = read(tmp_path, *chain)
    assert len(found.rois) == 2
    assert all(roi.box.width <= 10 * MM + 1 for roi in found.rois)
    # 4.9 mm from the middle is near enough, 5.1 is not.
    for radius, groups in ((4.9, 1), (5.1, 0)):
        marks = [calcification(500 + radius * MM * at, 80) for at in (-1, 0, 1)]
        assert len(read(tmp_path, *marks).rois) == groups


def test_the_densest_place_is_taken_first_and_each_mark_once(tmp_path):
    dense = [calcification(500 + i, 300) for i in range(5)]
    # These two are near the dense place, but in no circle of three without it.
    edge = [calcification(500 - 6 * MM, 300), calcification(500 - 7 * MM, 300)]
    found = read(tmp_path, *edge, *dense)
    assert [roi.box for roi in found.rois] == [Box(500, 300, 5, 1)]
    assert found.unused == {"scattered calcification": 2}


def test_many_marks_are_grouped_without_losing_one(tmp_path):
    rng = np.random.default_rng(0)
    marks = [calcification(*point) for point in rng.uniform(0, 2000, (400, 2))]
    found = read(tmp_path, *marks)
    grouped = 400 - found.unused["scattered calcification"]
    assert grouped >= 3 * len(found.rois) > 60
    assert all(max(r.box.width, r.box.height) <= 10 * MM + 1 for r in found.rois)
    assert read(tmp_path, *marks[::-1]) == found


def test_two_groups_stay_apart_and_lone_marks_are_scattered(tmp_path):
    one = [calcification(100 + i, 100 + i) for i in range(4)]
    two = [calcification(1000 + i, 100) for i in range(3)]
    found = read(tmp_path, *one, calcification(3000, 3000), *two)
    assert {roi.box for roi in found.rois} == {
        Box(100, 100, 4, 4),
        Box(1000, 100, 3, 1),
    }
    assert found.unused == {"scattered calcification": 1}


def test_calcifications_inside_a_cluster_belong_to_it(tmp_path):
    inside = [calcification(120 + i, 120) for i in range(5)]
    found = read(tmp_path, ("Cluster", square(100, 100, 60)), *inside)
    assert [roi.box for roi in found.rois] == [Box(100, 100, 61, 61)]
    assert not found.unused


def test_a_calcification_may_be_an_outline_itself(tmp_path):
    marks = [("Calcifications", square(100 + 40 * i, 50, 6)) for i in range(3)]
    (roi,) = read(tmp_path, *marks).rois
    assert roi.box == Box(100, 50, 87, 7)


def test_rois_come_from_top_to_bottom_whatever_their_order(tmp_path):
    marks = [("Mass", square(9, 500, 5)), ("Mass", square(3, 5, 9))]
    boxes = [roi.box.top for roi in read(tmp_path, *marks).rois]
    assert boxes == [5, 500]
    assert read(tmp_path, *marks[::-1]) == read(tmp_path, *marks)


@pytest.mark.parametrize("points", [[], ["(1.0; 2.0)"], ["(1, 2)", "x"], "(1, 2)", [3]])
def test_a_mark_without_usable_points_is_skipped_with_the_reason(tmp_path, points):
    rois = [
        {"Name": "Mass", "Point_px": points},
        {"Name": "Mass", "Point_px": ["(1, 2)"]},
    ]
    path = tmp_path / "1.xml"
    path.write_bytes(plistlib.dumps({"Images": [{"ROIs": rois}]}))
    found = read_annotation(path)
    assert [roi.box for roi in found.rois] == [Box(1, 2, 1, 1)]
    (reason,) = found.skipped
    assert reason.startswith("ROI 1 (Mass): Point_px. Received: ")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<plist><dict><key>Images</key>",
        plistlib.dumps({"ROIPoints": ["{1, 2}"]}),
        plistlib.dumps(["Images"]),
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><plist>&a;</plist>',
    ],
)
def test_a_file_of_another_form_is_told_in_one_line(tmp_path, content):
    (tmp_path / "1.xml").write_bytes(content)
    with pytest.raises(UserError, match=r"1\.xml: cannot be read as an anno") as caught:
        read_annotation(tmp_path / "1.xml")
    assert "\n" not in str(caught.value)


def test_marks_beyond_number_are_refused_before_memory_is_spent(tmp_path, monkeypatch):
    monkeypatch.setattr(inbreast_rois, "MOST_MARKS", 3)
    assert len(read(tmp_path, *[calcification(1, 2)] * 3).rois) == 1
    with pytest.raises(UserError, match="Received: 4; expected at most 3"):
        read(tmp_path, *[calcification(1, 2)] * 4)
