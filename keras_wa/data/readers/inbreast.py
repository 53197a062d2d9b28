"""INbreast, full-field digital mammograms of a hospital in Porto (2012)."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from keras_wa.data.cropping import cut_boxes
from keras_wa.data.dataset import Dataset
from keras_wa.data.finalizing import (
    Row,
    Skipped,
    build_dataset,
    left_out_note,
    refuse_official_crops,
)
from keras_wa.data.io import kinds_of, passed_over
from keras_wa.data.io.file_kinds import Kind
from keras_wa.data.options import ReadOptions
from keras_wa.data.readers.inbreast_rois import (
    GROUP_MM,
    GROUP_SIZE,
    PIXEL_MM,
    read_annotation,
)
from keras_wa.data.tables import find_file, read_table
from keras_wa.errors import UserError
from keras_wa.files import walk_files
from keras_wa.progress import track

SHEETS = ("INbreast.csv", "INbreast.xlsx", "INbreast.xls")
"""Names of the table of images; the first that exists is read."""

_COLUMNS = ("Laterality", "View", "File Name", "ACR", "Bi-Rads")
_LABELS = {
    **dict.fromkeys(("1", "2", "3"), 0),
    **dict.fromkeys(("4", "4a", "4b", "4c", "5", "6"), 1),
}
_BREASTS = {"L": "LEFT", "R": "RIGHT"}
_DICOM = re.compile(r"(\d+)_([0-9a-f]+)_MG_.*", re.IGNORECASE)


def read_inbreast(
    data_dir: str | os.PathLike[str], options: ReadOptions, seed: int = 0
) -> Dataset:
    """Reads INbreast: one row per ROI of its annotations, see `read_annotation`.

    The label is a reading, not a biopsy: BI-RADS 1 to 3 of the image is benign, 4 to 6
    malignant. The patient is the code in the DICOM file's name. `data_dir` has the
    table (`SHEETS`), `AllDICOMs/` and `AllXML/`, or the folder `INbreast Release 1.0`
    with them. Asymmetries and distortions are read with `lesion="all"`.

    Raises:
        UserError: the table is missing or lacks a column, there are no annotations,
            `crop` is `official`, or nothing is left.
    """
    refuse_official_crops(options, "INbreast")
    root = Path(data_dir)
    sheet = find_file(root, SHEETS, "INbreast's table of images")
    images, skipped = _read_images(sheet)
    kinds = kinds_of(root, walk_files(root))
    dicoms = _find_dicoms(kinds)
    annotations = _find_annotations(root, kinds)
    rows: list[Row] = []
    unused: Counter[str] = Counter()
    bare = 0
    lost: list[int] = []
    read: list[int] = []
    for name, image in track(images.items(), "Reading annotations"):
        if name not in dicoms:
            example = f"{name}_<patient>_MG_…_ANON.dcm"
            reason = f"no DICOM file such as {example}, whose name has the patient."
            skipped.append((f"{name}.dcm", reason))
            lost.append(image["label"])
            continue
        if name not in annotations:
            bare += 1
            continue
        path = annotations[name]
        try:
            annotation = read_annotation(root / path)
        except UserError as error:
            skipped.append((path, str(error).removeprefix(f"{root / path}: ")))
            lost.append(image["label"])
            continue
        read.append(image["label"])
        skipped += [(path, reason) for reason in annotation.skipped]
        unused += annotation.unused
        image["patient_id"], image["image_path"] = dicoms[name]
        for number, roi in enumerate(annotation.rois, start=1):
            is_lesion = roi.kind in ("calcification", "mass")
            rows.append(
                {
                    **image,
                    "roi_id": f"{name}_{number}",
                    "lesion_type": roi.kind if is_lesion else None,
                    "morphology": None if is_lesion else roi.kind.upper(),
                    **{f"box_{side}": value for side, value in vars(roi.box).items()},
                }
            )
    listed = [f"{name} {count}" for name, count in sorted(unused.items())]
    dataset = build_dataset(
        "inbreast",
        root,
        rows,
        cut_boxes(root, options, PIXEL_MM),
        options,
        seed,
        skipped=skipped,
        notes=[
            "INbreast: the label is the radiologists' assessment of the image, not "
            "pathology: BI-RADS 1 to 3 is label 0, 4 to 6 is label 1, for every ROI in "
            "it.",
            f"Marked calcifications are grouped: at least {GROUP_SIZE} in a circle of "
            f"{GROUP_MM:g} mm; outlines of clusters are unchanged.",
            f"{bare} images have no annotation and so no ROI.",
            *([f"Marks that make no ROI: {', '.join(listed)}."] if listed else []),
            *passed_over(kinds, dicom_only=True),
        ],
    )
    dataset.notes.extend(left_out_note(lost, read, "images"))
    return dataset


def _read_images(sheet: Path) -> tuple[dict[str, Row], Skipped]:
    """Returns the table's row of each image, and invalid rows."""
    table = read_table(sheet, _COLUMNS)
    skipped = list(table.skipped)
    images: dict[str, Row] = {}
    for line, row in table.rows.fillna("").iterrows():
        # Spreadsheets turn the number into 22678622.0.
        name, reading, density = (
            row[column].removesuffix(".0") for column in ("File Name", "Bi-Rads", "ACR")
        )
        reading = reading.lower().replace(" ", "")
        reason = None
        if not name:
            continue  # The spreadsheet ends with a legend.
        if not name.isdigit():
            reason = f"File Name. Received: {name!r}; expected a number."
        elif name in images:
            reason = f"image {name} is repeated."
        elif reading not in _LABELS:
            reason = (
                f"Bi-Rads of image {name}. Received: {reading or 'nothing'!r}; "
                f"expected one of {', '.join(_LABELS)}."
            )
        if reason:
            skipped.append((sheet.name, f"line {line}: {reason}"))
            continue
        images[name] = {
            "breast": _BREASTS.get(row["Laterality"].upper()),
            "view": row["View"].upper(),
            "density": int(density) if density in ("1", "2", "3", "4") else None,
            "assessment": int(reading[0]),
            "label": _LABELS[reading],
        }
    return images, skipped


def _find_dicoms(kinds: Mapping[str, Kind]) -> dict[str, tuple[str, str]]:
    """Returns patient and path of each image."""
    found: dict[str, tuple[str, str]] = {}
    for path, kind in kinds.items():
        match = _DICOM.fullmatch(path.rpartition("/")[2])
        if match and kind == "dicom":
            found.setdefault(match[1], (match[2].lower(), path))
    return found


def _find_annotations(root: Path, paths: Iterable[str]) -> dict[str, str]:
    """Returns the annotation file of each image, not that of the pectoral muscle."""
    found: dict[str, str] = {}
    for path in map(PurePosixPath, paths):
        inside = path.parent.name.lower() == "allxml"
        if inside and path.suffix.lower() == ".xml" and path.stem.isdigit():
            found.setdefault(path.stem, str(path))
    if not found:
        raise UserError(
            f"{root}: annotations. Received: none in a folder AllXML here or below; "
            "expected files such as AllXML/22678622.xml, without which there is no ROI."
        )
    return found
