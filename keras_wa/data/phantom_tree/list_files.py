"""Writes case lists in the format of CBIS-DDSM's files, with their irregularities."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from keras_wa.data.readers.cbis_ddsm.case_lists import LIST_NAMES
from keras_wa.files import replacing

# The calcification and mass lists have different names for the same columns.
_DENSITY = {"calcification": "breast density", "mass": "breast_density"}
_KINDS = {
    "calcification": ("calc type", "calc distribution"),
    "mass": ("mass shape", "mass margins"),
}
# The column whose quoted paths end with a line break.
_BROKEN = {"calcification": "crop_listed", "mass": "mask_listed"}


def write_case_lists(cases: pd.DataFrame, folder: Path) -> list[Path]:
    """Writes cases as the official case lists, one per lesion type and part with cases.

    For cases that `read_case_lists` read from the four official files, the result has
    the same bytes.
    """
    written = []
    for (lesion, part), name in LIST_NAMES.items():
        chosen = (cases["lesion_type"] == lesion) & (cases["split"] == part)
        if not chosen.any():
            continue
        with replacing(folder / name) as partial:
            _official(cases[chosen], lesion).to_csv(
                partial, index=False, lineterminator="\r\n", encoding="utf-8"
            )
        written.append(folder / name)
    return written


def _official(cases: pd.DataFrame, lesion: str) -> pd.DataFrame:
    paths = {
        name: cases[name] + ("\n" if name == _BROKEN[lesion] else "")
        for name in ("full_listed", "crop_listed", "mask_listed")
    }
    morphology, distribution = _KINDS[lesion]
    columns = {
        "patient_id": cases["patient_id"],
        _DENSITY[lesion]: cases["density"].fillna(0),
        "left or right breast": cases["breast"],
        "image view": cases["view"],
        "abnormality id": cases["lesion"],
        "abnormality type": cases["lesion_type"],
        morphology: cases["morphology"].fillna("NA"),
        distribution: cases["distribution"].fillna("NA"),
        "assessment": cases["assessment"],
        "pathology": cases["pathology"],
        "subtlety": cases["subtlety"].fillna(0),
        "image file path": paths["full_listed"],
        "cropped image file path": paths["crop_listed"],
        "ROI mask file path": paths["mask_listed"],
    }
    return pd.DataFrame(columns)
