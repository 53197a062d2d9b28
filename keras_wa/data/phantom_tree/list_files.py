"""Writes case lists as CBIS-DDSM's own files are written, oddities included."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from keras_wa.data.readers.cbis_ddsm.case_lists import LIST_NAMES
from keras_wa.files import replacing

# What the calcification and the mass lists call the same things.
_DENSITY = {"calcification": "breast density", "mass": "breast_density"}
_KINDS = {
    "calcification": ("calc type", "calc distribution"),
    "mass": ("mass shape", "mass margins"),
}
# The path that ends with a line break inside its quotes.
_BROKEN = {"calcification": "crop_listed", "mass": "mask_listed"}


def write_case_lists(cases: pd.DataFrame, folder: Path) -> list[Path]:
    """Writes the official case lists of some cases.

    Of what `read_case_lists` reads from the four official files, it writes the same
    bytes again.

    Args:
        cases: rows as `read_case_lists` gives them.
        folder: where; files of these names are replaced.

    Returns:
        The files, one for each lesion type and part of the split that has cases.
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
