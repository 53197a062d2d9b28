"""CMMD, the Chinese Mammography Database (doi:10.7937/tcia.eqde-4b16)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from keras_wa.data.cropping import cut_roi
from keras_wa.data.dataset import Dataset
from keras_wa.data.finalizing import Skipped, build_dataset, left_out_note
from keras_wa.data.io import kinds_of, passed_over
from keras_wa.data.io.header import DicomHeader
from keras_wa.data.io.spacing import SPACING_FIELDS, spacing_in_breast
from keras_wa.data.options import ReadOptions
from keras_wa.data.readers.dicom_index import index_dicoms
from keras_wa.data.tables import find_file, read_table
from keras_wa.errors import UserError
from keras_wa.files import walk_files

SHEETS = ("CMMD_clinicaldata_revision.xlsx", "CMMD_clinicaldata_revision.csv")
"""Names of the clinical spreadsheet, as published or saved as CSV."""

COLUMNS = ("ID1", "LeftRight", "abnormality", "classification")
"""The columns of the clinical spreadsheet that are read."""

_FIELDS = (
    *("PatientID", "ImageLaterality", "Laterality", "ViewPosition"),
    *("ViewCodeSequence", "InstanceNumber", "SOPInstanceUID", "Rows", "Columns"),
    *SPACING_FIELDS,
)
_BREASTS = {"l": "LEFT", "r": "RIGHT", "left": "LEFT", "right": "RIGHT"}
# SNOMED CT, and SNOMED RT in older files (DICOM PS3.16, context group 4014).
_VIEWS = {"399162004": "CC", "R-10242": "CC", "399368009": "MLO", "R-10226": "MLO"}
_LABELS = {"benign": 0, "malignant": 1}
_TYPES = {
    "calcification": "calcification",
    "mass": "mass",
    "both": "calcification+mass",
}
_EXPECTED = {
    "breast": ("LeftRight", "L or R"),
    "label": ("classification", "Benign or Malignant"),
    "lesion_type": ("abnormality", "calcification, mass or both"),
    "patient_id": ("ID1", "a patient"),
}


def read_cmmd(
    data_dir: str | os.PathLike[str], options: ReadOptions, seed: int = 0
) -> Dataset:
    """Reads CMMD: one row per mammogram, labelled by the biopsy of its breast.

    CMMD has no lesion marks: the ROI is the whole image, and `options.crop` has no
    effect. Patient, breast and view come from the DICOM headers, so any folder layout
    works. The clinical spreadsheet (`SHEETS`) may also be in `options.case_lists`.
    `lesion` keeps breasts with only that type; `require_files=False` keeps breasts
    without an image.

    Raises:
        UserError: the spreadsheet is missing or lacks a column, or nothing is left.
    """
    root = Path(data_dir)
    sheet = find_file(
        Path(options.case_lists) if options.case_lists else root,
        SHEETS,
        "CMMD's clinical spreadsheet",
    )
    breasts, skipped = _read_breasts(sheet)
    kinds = kinds_of(root, walk_files(root))
    paths = [name for name, kind in kinds.items() if kind == "dicom"]
    index = index_dicoms(root, _FIELDS, paths=paths)
    if index.empty and options.require_files:
        raise UserError(
            f"{root}: DICOM files. Received: none here or below; expected CMMD's "
            "images. `keras_wa.data.download` fetches them."
        )
    images, bad = _match_breasts(index, breasts, sheet.name)
    skipped += bad
    dataset = build_dataset(
        "cmmd",
        root,
        list(_rows(images, breasts, sheet.name, options, skipped)),
        lambda row: cut_roi(root, row["image_path"], options),
        options,
        seed,
        skipped=skipped,
        unit="images",
        notes=[
            "CMMD: the label of an image is the biopsy result of its breast; which "
            "lesion was biopsied is not marked.",
            _size_note(images, options),
            *passed_over(kinds, dicom_only=True),
        ],
    )
    if options.require_files:
        dataset.notes.extend(_left_out_note(breasts, images, options.lesion))
    return dataset


def _read_breasts(sheet: Path) -> tuple[pd.DataFrame, Skipped]:
    """Returns label and lesion type by patient and breast, and skipped rows."""
    table = read_table(sheet, COLUMNS)
    skipped = list(table.skipped)
    read = pd.DataFrame(
        {
            "breast": table.rows["LeftRight"].str.lower().map(_BREASTS),
            "label": table.rows["classification"].str.lower().map(_LABELS),
            "lesion_type": table.rows["abnormality"].str.lower().map(_TYPES),
            "patient_id": table.rows["ID1"],
        }
    )
    missing = read.isna()
    for line in read.index[missing.any(axis="columns")]:
        name, expected = _EXPECTED[str(missing.loc[line].idxmax())]
        value = table.rows[name][line]
        shown = "nothing" if pd.isna(value) else repr(value)
        reason = f"line {line}: {name}. Received: {shown}; expected {expected}."
        skipped.append((sheet.name, reason))
    rows = []
    breasts = read.dropna().groupby(["patient_id", "breast"], sort=False)
    for (patient, side), group in breasts:
        if group["label"].nunique() > 1:
            reason = (
                f"breast {side} of {patient}. Received: both Benign and Malignant; "
                "expected one of them."
            )
            skipped.append((sheet.name, reason))
            continue
        types = {part for kind in group["lesion_type"] for part in kind.split("+")}
        rows.append((patient, side, group["label"].iloc[0], "+".join(sorted(types))))
    columns = ["patient_id", "breast", "label", "lesion_type"]
    return pd.DataFrame(rows, columns=columns), skipped


def _match_breasts(
    index: pd.DataFrame, breasts: pd.DataFrame, sheet: str
) -> tuple[pd.DataFrame, Skipped]:
    """Returns the images of labelled breasts, and the others with the reason."""
    side = index["ImageLaterality"].fillna(index["Laterality"]).str.lower()
    images = index.assign(
        patient_id=index["PatientID"],
        breast=side.map(_BREASTS),
        view=index["ViewPosition"].fillna(index["ViewCodeSequence"].map(_VIEWS)),
        number=pd.to_numeric(index["InstanceNumber"], errors="coerce"),
    )
    images = images.merge(breasts, how="left", on=["patient_id", "breast"])
    reasons = images["reason"].copy()

    def leave_out(which: pd.Series, why: str | pd.Series) -> None:
        reasons[:] = reasons.mask(which & reasons.isna(), why)

    leave_out(images["patient_id"].isna(), "the DICOM file has no PatientID.")
    leave_out(
        images["breast"].isna(),
        "the DICOM file does not state the breast (ImageLaterality).",
    )
    leave_out(
        images["label"].isna(),
        "breast " + images["breast"] + " of " + images["patient_id"] + " is not in "
        f"{sheet}, so it has no label.",
    )
    again = images["SOPInstanceUID"].duplicated() & images["SOPInstanceUID"].notna()
    first = images.drop_duplicates("SOPInstanceUID").set_index("SOPInstanceUID")["path"]
    leave_out(again, "the same image as " + images["SOPInstanceUID"].map(first) + ".")
    kept = images[reasons.isna()]
    kept = kept.sort_values(
        ["patient_id", "breast", "view", "number", "SOPInstanceUID"],
        ignore_index=True,
    )
    lost = images.assign(reason=reasons)[reasons.notna()]
    return kept, list(zip(lost["path"], lost["reason"], strict=True))


def _rows(
    images: pd.DataFrame,
    breasts: pd.DataFrame,
    sheet: str,
    options: ReadOptions,
    skipped: Skipped,
) -> Iterator[dict[str, Any]]:
    """Returns one row per image, or per breast without one if files are optional."""
    again = images.groupby(["patient_id", "breast", "view"], dropna=False).cumcount()
    for image, copy in zip(images.to_dict("records"), again, strict=True):
        view = None if pd.isna(image["view"]) else image["view"]
        name = f"{image['patient_id']}_{image['breast']}_{view or 'UNKNOWN'}"
        yield {
            **_of_breast(image),
            "roi_id": f"{name}_{copy + 1}" if copy else name,
            "view": view,
            "image_path": image["path"],
            "pixel_spacing_mm": _spacing_of(image),
        }
    shown = set(zip(images["patient_id"], images["breast"], strict=True))
    for breast in breasts.to_dict("records"):
        patient, side = breast["patient_id"], breast["breast"]
        if (patient, side) in shown:
            continue
        if options.require_files:
            reason = f"breast {side} of {patient}: no image of it was found."
            skipped.append((sheet, reason))
        else:
            yield {**_of_breast(breast), "roi_id": f"{patient}_{side}"}


def _left_out_note(
    breasts: pd.DataFrame, images: pd.DataFrame, lesion: str
) -> list[str]:
    """Counts the breasts with that lesion type and without an image, by class."""
    wanted = breasts if lesion == "all" else breasts[breasts["lesion_type"] == lesion]
    shown = images[["patient_id", "breast"]].drop_duplicates().assign(shown=True)
    found = wanted.merge(shown, how="left", on=["patient_id", "breast"])
    lost = found["shown"].isna()
    labels = found["label"].astype(int)
    return left_out_note(list(labels[lost]), list(labels[~lost]), "breasts")


def _of_breast(breast: dict[Any, Any]) -> dict[str, Any]:
    return {
        "patient_id": breast["patient_id"],
        "breast": breast["breast"],
        "lesion_type": breast["lesion_type"],
        "label": int(breast["label"]),
        "pathology": "MALIGNANT" if breast["label"] else "BENIGN",
    }


def _spacing_of(image: dict[Any, Any]) -> float | None:
    """Returns the distance of rows in the breast from the header, mm."""
    stated = {field: image[field] for field in SPACING_FIELDS}
    header = DicomHeader.of_texts({k: v for k, v in stated.items() if not pd.isna(v)})
    spacing, _ = spacing_in_breast(header)
    return None if spacing is None else spacing[0]


def _size_note(images: pd.DataFrame, options: ReadOptions) -> str:
    """Describes the size of the ROIs and its effect on calcifications."""
    note = (
        "CMMD marks no lesions: the ROI is the whole mammogram and `crop` has no "
        "effect. Calcifications of 0.1 to 0.5 mm do not survive its reduction to the "
        "model's image size"
    )
    records = images.to_dict("records")
    spacing = pd.Series(
        [_spacing_of(image) or options.pixel_spacing for image in records], dtype=float
    )
    width = (pd.to_numeric(images["Columns"], errors="coerce") * spacing).median()
    height = (pd.to_numeric(images["Rows"], errors="coerce") * spacing).median()
    if pd.isna(width) or pd.isna(height):
        return f"{note}; the files state no pixel spacing (give `pixel_spacing`)."
    return (
        f"{note}: the median one is {height:.0f} by {width:.0f} mm, at 224 pixels "
        f"{width / 224:.2f} mm per pixel."
    )
