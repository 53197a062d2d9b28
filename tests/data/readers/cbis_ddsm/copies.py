"""Case lists and the trees in which people have CBIS-DDSM."""

from __future__ import annotations

import dataclasses
import hashlib
import struct
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from keras_wa.data.readers.cbis_ddsm import LIST_NAMES
from tests.data.io.dicom_files import write_dicom

PREFIX = {
    ("calcification", "train"): "Calc-Training",
    ("calcification", "test"): "Calc-Test",
    ("mass", "train"): "Mass-Training",
    ("mass", "test"): "Mass-Test",
}
DESCRIPTIONS = {
    "full": "full mammogram images",
    "crop": "cropped images",
    "mask": "ROI mask images",
}


def uid(key: str) -> str:
    """A UID like those of CBIS-DDSM, the same for the same key."""
    number = int(hashlib.md5(key.encode()).hexdigest(), 16)
    return f"1.3.6.1.4.1.9590.100.1.2.1{number % 10**38:038d}"


def case_row(
    lesion: str = "calcification",
    part: str = "train",
    patient: str = "P_00001",
    breast: str = "LEFT",
    view: str = "CC",
    number: int = 1,
    pathology: str = "MALIGNANT",
    two_series: bool = False,
    **fields: Any,
) -> dict[str, Any]:
    """A row of an official list, with `list` as the list's key; `fields` come last."""
    image = f"{PREFIX[lesion, part]}_{patient}_{breast}_{view}"
    roi = f"{image}_{number}"
    folder = f"{roi}/{uid(roi + 'study')}/{uid(roi)}"
    other = f"{roi}/{uid(roi + 'study2')}/{uid(roi + '2')}" if two_series else folder
    calcification = lesion == "calcification"
    crop, mask = (1, 0) if calcification else (0, 1)
    kinds = ("calc type", "calc distribution")
    row = {
        "list": (lesion, part),
        "patient_id": patient,
        "breast density" if calcification else "breast_density": "3",
        "left or right breast": breast,
        "image view": view,
        "abnormality id": str(number),
        "abnormality type": lesion,
        **dict.fromkeys(
            kinds if calcification else ("mass shape", "mass margins"), "ROUND"
        ),
        "assessment": "4",
        "pathology": pathology,
        "subtlety": "3",
        "image file path": f"{image}/{uid(image + 'study')}/{uid(image)}/000000.dcm",
        "cropped image file path": f"{folder}/{0 if two_series else crop:06d}.dcm\n",
        "ROI mask file path": f"{other}/{0 if two_series else mask:06d}.dcm",
    }
    return row | fields


def write_lists(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Writes the official lists that the rows are of."""
    folder.mkdir(parents=True, exist_ok=True)
    for key, name in LIST_NAMES.items():
        mine = [row for row in rows if row["list"] == key]
        if mine:
            frame = pd.DataFrame(mine).drop(columns="list")
            frame.to_csv(folder / name, index=False)


def listed_parts(rows: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Each part and its listed path, a mammogram of several ROIs once."""
    seen = set()
    columns = ("image file path", "cropped image file path", "ROI mask file path")
    for row in rows:
        for part, column in zip(DESCRIPTIONS, columns, strict=True):
            path = row[column].strip()
            if path not in seen:
                seen.add(path)
                yield part, path


def _new_names(path: str) -> str:
    return path.replace("000000.dcm", "1-1.dcm").replace("000001.dcm", "1-2.dcm")


def _descriptive(part: str, path: str) -> str:
    case, study, series, name = _new_names(path).split("/")
    # One description a series, whichever of its two files it is of.
    described = DESCRIPTIONS["full" if part == "full" else "mask"]
    return (
        f"CBIS-DDSM/{case}/08-29-2017-DDSM-NA-{study[-5:]}/"
        f"1.000000-{described}-{series[-5:]}/{name}"
    )


def _uuid(key: str) -> str:
    return str(uuid.UUID(hashlib.md5(key.encode()).hexdigest()))


def _idc_tree(part: str, path: str) -> str:
    case, study, series, _ = path.split("/")
    return f"cbis_ddsm/{case}/{study}/MG_{series}/{_uuid(path)}.dcm"


def _jpeg(part: str, path: str) -> str:
    digest = hashlib.md5(path.encode()).digest()
    return f"jpeg/{path.split('/')[2]}/{1 + (path[-5] == '1')}-{digest[0]:03d}.jpg"


LAYOUTS: Mapping[str, Callable[[str, str], str]] = {
    "classic": lambda part, path: path,
    "classic with new names": lambda part, path: f"CBIS-DDSM/{_new_names(path)}",
    "classic in a manifest": lambda part, path: f"manifest-16/CBIS-DDSM/{path}",
    "descriptive": _descriptive,
    "idc-index": _idc_tree,
    "bare idc": lambda part, path: f"{_uuid(path[:-10])}/{_uuid(path)}.dcm",
    "by study": lambda part, path: "/".join(
        ["dicom", *path.split("/")[1:3], f"{uid(path)}.dcm"]
    ),
    "kaggle": _jpeg,
}
"""Where a copy has the file of a part that the list has at a path."""


def shortest_dicom(series: str) -> bytes:
    """A DICOM file that holds nothing but its series."""

    def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
        value += b"\0" * (len(value) % 2)
        return struct.pack("<HH2sH", group, number, vr, len(value)) + value

    meta = element(2, 0x10, b"UI", b"1.2.840.10008.1.2.1")
    length = element(2, 0, b"UL", struct.pack("<I", len(meta)))
    named = element(0x20, 0xE, b"UI", series.encode())
    return b"\0" * 128 + b"DICM" + length + meta + named


def touch_copy(root: Path, rows: list[dict[str, Any]], layout: str) -> dict[str, str]:
    """Makes a copy's files, with a series alone; gives their paths by listed path."""
    paths = {}
    for part, path in listed_parts(rows):
        paths[path] = LAYOUTS[layout](part, path)
        target = root / paths[path]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(shortest_dicom(path.split("/")[2]))
    return paths


def mammogram(shape: tuple[int, int], seed: int) -> np.ndarray:
    """A 16-bit image in which no two places look the same."""
    return np.random.default_rng(seed).integers(256, 60000, shape).astype(np.uint16)


def mask_of(shape: tuple[int, int], box: tuple[int, int, int, int]) -> np.ndarray:
    """A mask whose lesion is the box: left, top, width, height."""
    left, top, width, height = box
    mask = np.zeros(shape, np.uint8)
    mask[top : top + height, left : left + width] = 255
    return mask


def write_part(
    path: Path, part: str, series: str, pixels: np.ndarray, **fields
) -> Path:
    """Writes a DICOM file of a part, described as such; a field that is None is not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    named = {"SeriesDescription": DESCRIPTIONS[part], "SeriesInstanceUID": series}
    stated = {name: value for name, value in (named | fields).items() if value}
    return write_dicom(path, pixels, **stated)


@dataclasses.dataclass(frozen=True)
class Drawn:
    """What a test put into the files of an ROI."""

    full: np.ndarray
    crop: np.ndarray
    box: tuple[int, int, int, int]
    paths: Mapping[str, str]


def write_copy(
    root: Path,
    rows: list[dict[str, Any]],
    layout: str = "classic",
    shape: tuple[int, int] = (120, 100),
    swapped: Collection[str] = (),
    described: bool = True,
    mask_shape: tuple[int, int] | None = None,
) -> dict[str, Drawn]:
    """Writes lists and a whole copy of real DICOM files (JPEG in the Kaggle layout).

    Args:
        root: where.
        rows: of the lists, from `case_row`.
        layout: one of `LAYOUTS`.
        shape: of the mammograms.
        swapped: ROIs whose crop and mask stand in each other's place.
        described: whether the files say what they are.
        mask_shape: of the masks, if it is another than the mammogram's.

    Returns:
        What was drawn, by ROI. Each lesion has a place of its own.
    """
    write_lists(root, rows)
    drawn = {}
    for number, row in enumerate(rows):
        columns = ("image file path", "cropped image file path", "ROI mask file path")
        listed = dict(
            zip(DESCRIPTIONS, (row[each].strip() for each in columns), strict=True)
        )
        roi = listed["crop"].split("/")[0]
        full = mammogram(shape, seed=len(listed["full"]) + int(listed["full"][-20:-11]))
        box = (10 + 17 * number % 50, 20 + 23 * number % 60, 9, 7)
        left, top, width, height = box
        pixels = {
            "full": full,
            "crop": full[top - 2 : top + height + 3, left - 2 : left + width + 3],
            "mask": mask_of(shape, box),
        }
        if mask_shape is not None:
            size = mask_shape[::-1]
            pixels["mask"] = cv2.resize(pixels["mask"], size, interpolation=0)
        paths = {part: LAYOUTS[layout](part, path) for part, path in listed.items()}
        if roi in swapped:
            paths["crop"], paths["mask"] = paths["mask"], paths["crop"]
            listed["crop"], listed["mask"] = listed["mask"], listed["crop"]
        for part, path in paths.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if layout == "kaggle":
                grey = pixels[part] >> 8 * (pixels[part].dtype == np.uint16)
                cv2.imwrite(str(target), grey.astype(np.uint8))
            else:
                fields = {} if described else {"SeriesDescription": None}
                series = listed[part].split("/")[2]
                write_part(target, part, series, pixels[part], **fields)
        drawn[roi] = Drawn(full, pixels["crop"], box, paths)
    return drawn
