"""A CBIS-DDSM of five ROIs: case lists, IDC's index of it, the objects in the bucket.

It has what is odd about the real one: a mammogram of two ROIs, a PatientID without its
prefix and a series without description, a crop and a mask in one series or in two, and
a description that contradicts the list.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from keras_wa.data.readers.cbis_ddsm import LIST_NAMES, read_case_lists

BUCKET = "idc-open-data"
FULL, CROP, MASK = "full mammogram images", "cropped images", "ROI mask images"

# Lesion type, part, patient, breast, view, abnormality.
ROIS = [
    ("calcification", "train", "P_00005", "LEFT", "CC", 1),
    ("calcification", "train", "P_00005", "LEFT", "CC", 2),
    ("calcification", "test", "P_00007", "RIGHT", "MLO", 1),
    ("mass", "train", "P_00009", "LEFT", "CC", 1),
    ("mass", "test", "P_00007", "LEFT", "CC", 1),
]


def write_lists(folder: Path, rois=ROIS) -> list[Path]:
    """Writes the four lists with their official names and columns."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for (lesion, part), name in LIST_NAMES.items():
        calc = lesion == "calcification"
        rows = [_row(*roi) for roi in rois if roi[:2] == (lesion, part)]
        columns = [
            "patient_id",
            "breast density" if calc else "breast_density",
            "left or right breast",
            "image view",
            "abnormality id",
            "abnormality type",
            *(
                ("calc type", "calc distribution")
                if calc
                else ("mass shape", "mass margins")
            ),
            "assessment",
            "pathology",
            "subtlety",
            "image file path",
            "cropped image file path",
            "ROI mask file path",
        ]
        paths.append(folder / name)
        with paths[-1].open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="3", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
    return paths


def cases(folder: Path) -> pd.DataFrame:
    """The cases of the five ROIs."""
    return read_case_lists(write_lists(folder)).cases


def _names(lesion: str, part: str, patient: str, breast: str, view: str, number: int):
    """The case of the mammogram and of the ROI, and the UIDs of the ROI's series."""
    prefix = ("Calc" if lesion == "calcification" else "Mass") + "-"
    image = f"{prefix}{part.replace('train', 'training').title()}"
    image = f"{image}_{patient}_{breast}_{view}"
    code = f"{len(lesion)}.{len(part)}.{patient[-1]}.{len(breast)}"
    split = lesion == "mass" and part == "test"
    crop = f"1.3.{code}.{number}.1"
    mask = f"1.3.{code}.{number}.2" if split else crop
    return image, f"{image}_{number}", f"1.3.{code}", crop, mask


def _row(lesion, part, patient, breast, view, number) -> dict[str, object]:
    image, roi, full, crop, mask = _names(lesion, part, patient, breast, view, number)
    return {
        "patient_id": patient,
        "left or right breast": breast,
        "image view": view,
        "abnormality id": number,
        "abnormality type": lesion,
        "calc type": "PLEOMORPHIC",
        "calc distribution": "CLUSTERED",
        "mass shape": "OVAL",
        "mass margins": "SPICULATED",
        "pathology": "MALIGNANT" if number == 1 else "BENIGN",
        "image file path": f"{image}/{full}.9/{full}/000000.dcm",
        # As in the original, a line break within the quotes.
        "cropped image file path": f"{roi}/{crop}.9/{crop}/000001.dcm\n",
        "ROI mask file path": f"{roi}/{mask}.9/{mask}/000000.dcm\n",
    }


def objects() -> dict[str, bytes]:
    """Path in the bucket -> content; no two are of one length."""
    series = index()
    return {
        f"{BUCKET}/{uuid}/{number}.dcm": bytes([number]) * (1000 + 100 * row + number)
        for row, (uuid, n) in enumerate(
            zip(series["crdc_series_uuid"], series["instanceCount"], strict=True)
        )
        for number in range(n)
    }


def index() -> pd.DataFrame:
    """IDC's index, one row a series, with its column names."""
    rows: dict[str, dict[str, object]] = {}
    for roi in ROIS:
        image, name, full, crop, mask = _names(*roi)
        series = {full: (image, FULL, 1), crop: (name, CROP, 2 if crop == mask else 1)}
        if mask != crop:
            series[mask] = (name, CROP, 1)
        if roi[2] == "P_00007" and roi[0] == "calcification":
            series = {
                full: (image.split("_", 1)[1] + ".dcm", None, 1),
                crop: (name.split("_", 1)[1] + ".dcm", MASK, 2),
            }
        for uid, (patient, description, instances) in series.items():
            row = len(rows)
            files = range(instances)
            rows.setdefault(
                uid,
                {
                    "collection_id": "cbis_ddsm",
                    "PatientID": patient,
                    "StudyInstanceUID": f"{uid}.9",
                    "SeriesInstanceUID": uid,
                    "SeriesDescription": description,
                    "Modality": "MG",
                    "instanceCount": instances,
                    "series_size_MB": sum(1000 + 100 * row + n for n in files) / 1e6,
                    "crdc_series_uuid": f"uuid-{row}",
                    "series_aws_url": f"s3://{BUCKET}/uuid-{row}/*",
                    "license_short_name": "CC BY 3.0",
                    "source_DOI": "10.7937/k9/tcia.2016.7o02s9cy",
                },
            )
    return pd.DataFrame(list(rows.values()))


def path_in_place(row: pd.Series) -> str:
    """Where a series of the index belongs, below the data set's root."""
    return (
        f"cbis_ddsm/{row['PatientID']}/{row['StudyInstanceUID']}/"
        f"MG_{row['SeriesInstanceUID']}"
    )
