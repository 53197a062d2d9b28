"""The ROIs of one INbreast image: outlines, and groups of marked calcifications."""

from __future__ import annotations

import math
import plistlib
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from keras_wa.data.io import Box
from keras_wa.errors import UserError, in_one_line

PIXEL_MM = 0.07
"""Edge of a pixel of INbreast's detector (Moreira et al. 2012)."""

GROUP_MM = 10.0
"""Diameter of the circle around a group of marks, mm (BI-RADS: within 1 cm)."""

GROUP_SIZE = 3
"""Smallest number of marks in a group."""

MOST_MARKS = 10_000
"""Largest number of single calcifications of an image, since the memory for distances
is quadratic. INbreast has 6,880 in all images."""

_MARKS = ("calcification", "calcifications")
_OUTLINES = {
    "cluster": "calcification",
    "mass": "mass",
    "asymmetry": "asymmetry",
    "assymetry": "asymmetry",
    "distortion": "distortion",
}
_POINT = re.compile(r"\(\s*(-?[\d.]+(?:e[+-]?\d+)?)\s*,\s*(-?[\d.]+(?:e[+-]?\d+)?)")

Points = NDArray[np.float64]


class MarkedRoi(NamedTuple):
    """One ROI: calcification, mass, asymmetry or distortion, and its bounding box."""

    kind: str
    box: Box


class Annotation(NamedTuple):
    """The ROIs of an annotation file, from top to bottom.

    `skipped` has a reason for each mark that cannot be read; `unused` counts the other
    marks that are not part of an ROI, `scattered calcification` those without a group.
    """

    rois: list[MarkedRoi]
    skipped: list[str]
    unused: Counter[str]


def read_annotation(path: Path) -> Annotation:
    """Reads an annotation file of INbreast and converts its marks to ROIs.

    The outline of a cluster, a mass, an asymmetry or a distortion is an ROI. Single
    calcifications with their centre in the outline of a cluster belong to it. The
    others are grouped: the mark with the most marks in a circle of diameter `GROUP_MM`
    around it forms a group with them, then the next one, while a circle has
    `GROUP_SIZE`. The box around a group is an ROI.

    The file is a property list in XML from OsiriX: `Images`, in each `ROIs`, in each
    `Name` and `Point_px`, a list of `"(x, y)"` from the top left corner.
    """
    outlines: list[tuple[str, Points]] = []
    marks: list[Points] = []
    skipped: list[str] = []
    unused: Counter[str] = Counter()
    for number, (name, written) in enumerate(_entries(path), start=1):
        points = _parse_points(written)
        if points is None:
            skipped.append(
                f"ROI {number} ({name}): Point_px. Received: {written!r:.60}; expected "
                "points such as '(1024.5, 300.0)'."
            )
        elif name.lower() in _MARKS:
            marks.append(points)
        elif name.lower() in _OUTLINES:
            outlines.append((name.lower(), points))
        else:
            unused[name.lower()] += 1
    if len(marks) > MOST_MARKS:
        raise UserError(
            f"{path}: marks of calcifications. Received: {len(marks)}; expected at "
            f"most {MOST_MARKS} in an image. Copy the file again."
        )
    clusters = [points for name, points in outlines if name == "cluster"]
    loose = [mark for mark in marks if not any(_holds(c, mark) for c in clusters)]
    groups, scattered = _group(loose)
    if scattered:
        unused["scattered calcification"] = scattered
    rois = [MarkedRoi(_OUTLINES[name], _box(points)) for name, points in outlines]
    rois += [MarkedRoi("calcification", _box(points)) for points in groups]
    rois.sort(key=lambda roi: (roi.box.top, roi.box.left, roi.kind))
    return Annotation(rois, skipped, unused)


def _entries(path: Path) -> list[tuple[str, Any]]:
    """Returns name and raw points of each mark."""
    try:
        content = plistlib.loads(path.read_bytes())
        return [
            (str(roi.get("Name") or "unnamed").strip(), roi.get("Point_px"))
            for image in content["Images"]
            for roi in image["ROIs"]
        ]
    except Exception as error:
        # plistlib can raise any exception for a damaged file.
        raise UserError(
            f"{path}: cannot be read as an annotation ({in_one_line(error)}). "
            "Expected: an XML property list with Images and ROIs. Copy the file again."
        ) from error


def _parse_points(written: Any) -> Points | None:
    """Returns x and y, (N, 2), or None if there are none or one is invalid."""
    if not isinstance(written, Sequence) or isinstance(written, str) or not written:
        return None
    matches = [_POINT.match(str(point)) for point in written]
    try:
        points = np.array([match.groups() for match in matches if match], float)
    except ValueError:
        return None
    usable = len(points) == len(written) and np.isfinite(points).all()
    return points if usable and np.abs(points).max() < 1e5 else None


def _holds(outline: Points, mark: Points) -> bool:
    """Returns whether the centre of a mark lies in or on an outline."""
    middle = [float(value) for value in mark.mean(axis=0)]
    polygon = outline.astype(np.float32).reshape(-1, 1, 2)
    return cv2.pointPolygonTest(polygon, middle, measureDist=False) >= 0


def _group(marks: list[Points]) -> tuple[list[Points], int]:
    """Returns the points of each group, and the number of other marks."""
    if not marks:
        return [], 0
    middles = np.array([mark.mean(axis=0) for mark in marks]) * PIXEL_MM
    # From top to bottom, independent of the order in the file.
    order = np.lexsort((middles[:, 0], middles[:, 1]))
    middles = middles[order]
    near = cdist(middles, middles) <= GROUP_MM / 2
    counts = near.sum(axis=1)
    groups = []
    while counts.max() >= GROUP_SIZE:
        rows = np.flatnonzero(near[counts.argmax()])
        groups.append(np.concatenate([marks[order[row]] for row in rows]))
        counts -= near[:, rows].sum(axis=1)
        near[rows] = near[:, rows] = False
        counts[rows] = 0
    return groups, int(near.diagonal().sum())


def _box(points: Points) -> Box:
    left, top = (math.floor(value) for value in points.min(axis=0))
    right, bottom = (math.floor(value) for value in points.max(axis=0))
    return Box(left, top, right - left + 1, bottom - top + 1)
