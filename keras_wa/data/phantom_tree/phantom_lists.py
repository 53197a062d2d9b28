"""Draws case lists of phantom patients, and writes case lists as CBIS-DDSM's files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from pydicom.uid import generate_uid

from keras_wa.data.case_table import new_case_table
from keras_wa.data.options import LESIONS
from keras_wa.data.readers.cbis_ddsm.case_lists import LIST_NAMES, LISTED
from keras_wa.data.sampling import sample_patients
from keras_wa.errors import UserError, unknown_name
from keras_wa.files import replacing
from keras_wa.phantom import PhantomSpec, phantom_cases

# Above all patient numbers of CBIS-DDSM.
_FIRST_NUMBER = {"calcification": 90000, "mass": 95000}
_MOST_PATIENTS = 5000
# Patients with masses are others: those of another epoch of the phantom.
_EPOCH = {"calcification": 0, "mass": 1}
_OFFICIAL = {"calcification": 1872, "mass": 1696}
# Typical shape and margins for each label, so that they predict it.
_MASSES = (
    (("OVAL", "CIRCUMSCRIBED"), ("ROUND", "CIRCUMSCRIBED"), ("LOBULATED", "OBSCURED")),
    (
        ("IRREGULAR", "SPICULATED"),
        ("IRREGULAR", "ILL_DEFINED"),
        ("LOBULATED", "MICROLOBULATED"),
    ),
)
_MASS_STREAM = 21
_LEAST_ROIS = 5
# Smaller lists are taken from this many ROIs, so that both parts have both labels.
_ENOUGH = 1872

# The calcification and mass lists have different names for the same columns.
_DENSITY = {"calcification": "breast density", "mass": "breast_density"}
_KINDS = {
    "calcification": ("calc type", "calc distribution"),
    "mass": ("mass shape", "mass margins"),
}
# The column whose quoted paths end with a line break.
_BROKEN = {"calcification": "crop_listed", "mass": "mask_listed"}


def phantom_case_lists(
    spec: PhantomSpec, rois: int = 1872, lesion: str = "calcification"
) -> pd.DataFrame:
    """Draws phantom patients with identifiers, files and lists like CBIS-DDSM's.

    Calcifications follow the counts of the official lists (`phantom_cases`). Masses are
    cruder: patients are drawn as for calcifications, with a shape and margins that are
    typical of the label.

    Args:
        spec: the phantom set.
        rois: number of ROIs, at least 5 of each lesion type. Whole patients are taken,
            so there may be a few less. Both parts of the split have both labels.
        lesion: `calcification`, `mass`, or `all` for both, in the official proportion.

    Returns:
        Rows in the form of `read_case_lists`. No patient number occurs in CBIS-DDSM.

    Raises:
        UserError: a value is out of range.
    """
    if lesion not in LESIONS:
        raise unknown_name("`lesion`", lesion, LESIONS)
    least = _LEAST_ROIS * (2 if lesion == "all" else 1)
    if rois < least:
        raise UserError(
            f"`rois`. Received: {rois}; expected at least {least}, so that each case "
            "list has ROIs of both labels."
        )
    counts = {lesion: rois}
    if lesion == "all":
        share = _OFFICIAL["calcification"] / sum(_OFFICIAL.values())
        calcifications = round(rois * share)
        counts = {"calcification": calcifications, "mass": rois - calcifications}
    parts = [_patients(spec, kind, count) for kind, count in counts.items()]
    return pd.concat(parts, ignore_index=True)


def limit_rois(cases: pd.DataFrame, rois: int) -> pd.DataFrame:
    """Selects whole patients, in equal shares from each list and label.

    Raises:
        UserError: a list would have no ROIs of a label.
    """
    return sample_patients(cases, rois, ("lesion_type", "split", "label"), "`rois`")


def write_case_lists(cases: pd.DataFrame, folder: Path) -> list[Path]:
    """Writes cases as the official case lists, one per lesion type and part with cases.

    For cases that `read_case_lists` read from the official files, the bytes are equal.
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


def _patients(spec: PhantomSpec, lesion: str, n: int) -> pd.DataFrame:
    cases = phantom_cases(spec, max(n, _ENOUGH), _EPOCH[lesion])
    if n < len(cases):
        cases = limit_rois(cases.assign(lesion_type=lesion), n)
    patients = cases["patient_id"]
    if patients.nunique() > _MOST_PATIENTS:
        raise UserError(
            f"A phantom tree has at most {_MOST_PATIENTS} patients of a lesion type. "
            f"Received: {patients.nunique()} in {n} ROIs; expected fewer ROIs."
        )
    numbers = _FIRST_NUMBER[lesion] + patients.factorize()[0]
    cases["patient_id"] = [f"P_{number}" for number in numbers]
    cases["lesion_type"] = lesion
    if lesion == "mass":
        rng = np.random.default_rng([_MASS_STREAM, spec.seed])
        kinds = [
            _MASSES[label][int(pick)]
            for label, pick in zip(
                cases["label"], rng.integers(0, 3, len(cases)), strict=True
            )
        ]
        cases["morphology"], cases["distribution"] = zip(*kinds, strict=True)
    return _with_files(new_case_table(cases.drop(columns="pixel_spacing_mm")), spec)


def _with_files(cases: pd.DataFrame, spec: PhantomSpec) -> pd.DataFrame:
    """Adds the columns of case and file names."""
    calcification = (cases["lesion_type"] == "calcification").all()
    part = cases["split"].map({"train": "Training", "test": "Test"})
    film = ("Calc-" if calcification else "Mass-") + part
    for name in ("patient_id", "breast", "view"):
        film = film + "_" + cases[name]
    case = film + "_" + cases["lesion"]
    folders = [f"{name}/{_uid(spec, name, 1)}/{_uid(spec, name, 2)}" for name in case]
    # The mask comes first in the calcification lists, the crop in the mass lists.
    crop, mask = (1, 0) if calcification else (0, 1)
    cases["roi_id"] = case.astype(cases["roi_id"].dtype)
    listed = {
        "case": case,
        "full_listed": [
            f"{name}/{_uid(spec, name, 1)}/{_uid(spec, name, 2)}/000000.dcm"
            for name in film
        ],
        "crop_listed": [f"{folder}/00000{crop}.dcm" for folder in folders],
        "mask_listed": [f"{folder}/00000{mask}.dcm" for folder in folders],
    }
    columns = pd.DataFrame(listed, index=cases.index)[list(LISTED)]
    return cases.join(columns.astype(cases["roi_id"].dtype))


def _uid(spec: PhantomSpec, name: str, number: int) -> str:
    """Returns a DICOM UID, a function of the phantom set, the name and the number."""
    return generate_uid(entropy_srcs=["keras_wa", str(spec.seed), name, str(number)])
