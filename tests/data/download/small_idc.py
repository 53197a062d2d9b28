"""A CBIS-DDSM of five ROIs: case lists, IDC's index of it, the objects in the bucket.

It has what is odd about the real one: a mammogram of two ROIs, a PatientID without its
prefix and a series without description, a crop and a mask in one series or in two, and
a description that contradicts the list.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from keras_wa.data.readers.cbis_ddsm import LIST_NAMES, read_case_lists
from tests.data.readers.cbis_ddsm import copies
from tests.data.readers.cbis_ddsm.copies import DESCRIPTIONS, case_row

BUCKET = "idc-open-data"
ROWS = [
    case_row(patient="P_00005"),
    case_row(patient="P_00005", number=2, pathology="BENIGN"),
    case_row(part="test", patient="P_00007", breast="RIGHT", view="MLO"),
    case_row("mass", patient="P_00009"),
    case_row("mass", "test", "P_00007", two_series=True),
]


def write_lists(folder: Path) -> list[Path]:
    """Writes the four lists."""
    copies.write_lists(folder, ROWS)
    return [folder / name for name in LIST_NAMES.values()]


def cases(folder: Path) -> pd.DataFrame:
    """The cases of the five ROIs."""
    return read_case_lists(write_lists(folder)).cases


def objects() -> dict[str, bytes]:
    """Path in the bucket -> content; no two are of one length."""
    return {
        f"{BUCKET}/uuid-{row}/{number}.dcm": bytes([number]) * _size(row, number)
        for row, count in enumerate(index()["instanceCount"])
        for number in range(count)
    }


def _size(row: int, number: int) -> int:
    return 1000 + 100 * row + number


def index() -> pd.DataFrame:
    """IDC's index, one row a series, with its column names."""
    rows: dict[str, dict[str, Any]] = {}
    for part, path in copies.listed_parts(ROWS):
        patient, study, series, _ = path.split("/")
        # Of both series of the last ROI the index says that they are crops.
        described = DESCRIPTIONS["full" if part == "full" else "crop"]
        if "Calc-Test" in patient:
            patient = f"{patient.split('_', 1)[1]}.dcm"
            described = None if part == "full" else DESCRIPTIONS["mask"]
        row = rows.setdefault(
            series,
            {
                "collection_id": "cbis_ddsm",
                "PatientID": patient,
                "StudyInstanceUID": study,
                "SeriesInstanceUID": series,
                "SeriesDescription": described,
                "Modality": "MG",
                "instanceCount": 0,
                "series_size_MB": 0,
                "series_aws_url": f"s3://{BUCKET}/uuid-{len(rows)}/*",
                "license_short_name": "CC BY 3.0",
                "source_DOI": "10.7937/k9/tcia.2016.7o02s9cy",
            },
        )
        number = list(rows).index(series)
        row["series_size_MB"] += _size(number, row["instanceCount"]) / 1e6
        row["instanceCount"] += 1
    return pd.DataFrame(list(rows.values()))


def path_in_place(row: pd.Series) -> str:
    """Where a series of the index belongs, below the data set's root."""
    return (
        f"cbis_ddsm/{row['PatientID']}/{row['StudyInstanceUID']}/"
        f"MG_{row['SeriesInstanceUID']}"
    )
