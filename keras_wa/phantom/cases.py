"""The case table of a phantom set: patients, lesions, views, labels, split."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from keras_wa.errors import UserError
from keras_wa.phantom.calcifications import is_suspicious
from keras_wa.phantom.rates import KIND_COLUMNS, kinds, malignancy_rate, other_counts
from keras_wa.phantom.roi import roi_id
from keras_wa.phantom.spec import PhantomSpec

CASE_COLUMNS = (
    "roi_id",
    "patient_id",
    "breast",
    "view",
    "lesion",
    "label",
    "pathology",
    "split",
    "density",
    "assessment",
    "subtlety",
    "morphology",
    "distribution",
    "image_path",
    "crop_path",
    "mask_path",
    "pixel_spacing_mm",
)
"""The columns of the case table, in order."""

_NUMBERS = ("lesion", "label", "density", "assessment", "subtlety", "pixel_spacing_mm")
_OFFICIAL_TEST, _OFFICIAL_ALL = 326, 1872
# First words of a seed sequence, one stream for each kind of draw. Labels have their
# own, so that both labellings have the same patients and pixels.
_CASE_STREAM, _LABEL_STREAM = 3, 4
_OTHER_SIDE = {"LEFT": "RIGHT", "RIGHT": "LEFT"}

Generator = np.random.Generator


def phantom_cases(spec: PhantomSpec, n: int = 1872, epoch: int = 0) -> pd.DataFrame:
    """Draws the case table of a phantom set.

    Patients, lesions and views follow the counts of the case lists of CBIS-DDSM. A row
    is a function of `(spec, epoch, index)`, its split aside: a larger `n` adds rows.
    Both labellings have the same ROIs.

    Args:
        spec: the phantom set.
        n: number of ROIs, at least 2.
        epoch: 0 for the set itself; other numbers give ROIs of other patients.

    Returns:
        One row per ROI: `roi_id`, `patient_id`, `breast`, `view`, `lesion`, `label`,
        `pathology`, `split` (`train` or `test` by patient, as 1546:326), `density`,
        `assessment`, `subtlety`, `morphology`, `distribution`, `pixel_spacing_mm`, and
        paths that are NA.

    Raises:
        UserError: `n` or `epoch` is out of range.

    Example:
        >>> from keras_wa.phantom import PhantomSpec, phantom_cases
        >>> cases = phantom_cases(PhantomSpec(seed=0), n=4)
        >>> cases["roi_id"].tolist()[:2]
        ['PH0-0-00000-000000', 'PH0-0-00000-000001']

    Source:
        Lee et al. 2017, CBIS-DDSM, doi:10.1038/sdata.2017.177.
    """
    if n < 2:
        raise UserError(f"A phantom set needs at least 2 ROIs. Received: n={n}")
    if epoch < 0:
        raise UserError(f"A phantom epoch must be at least 0. Received: epoch={epoch}")
    rows: list[dict[str, Any]] = []
    keys: dict[str, float] = {}
    patient = 0
    while len(rows) < n:
        rng = np.random.default_rng([_CASE_STREAM, spec.seed, epoch, patient])
        keys[_patient_id(spec, epoch, patient)] = rng.random()
        rows += _patient_rows(spec, epoch, patient, len(rows), rng)
        patient += 1
    table = pd.DataFrame(rows[:n])
    table["split"] = _split(table["patient_id"], keys)
    table["pixel_spacing_mm"] = spec.pixel_mm
    for name in CASE_COLUMNS:
        if name not in table:
            table[name] = pd.NA
        if name not in _NUMBERS:
            table[name] = table[name].astype("string")
    return table[list(CASE_COLUMNS)]


def _patient_id(spec: PhantomSpec, epoch: int, patient: int) -> str:
    return f"PH{spec.seed}-{epoch}-{patient:05d}"


def _patient_rows(
    spec: PhantomSpec, epoch: int, patient: int, start: int, rng: Generator
) -> list[dict[str, Any]]:
    """Returns the ROIs of one patient, the first with the index `start`."""
    label_rng = np.random.default_rng([_LABEL_STREAM, spec.seed, epoch, patient])
    morphology, distribution, density, total = _patients().draw(rng)
    first = lesion = _finding(spec, morphology, distribution, label_rng)
    home = breast = _other("breast").draw(rng)
    lesions = {"LEFT": 0, "RIGHT": 0}
    rows: list[dict[str, Any]] = []
    while len(rows) < total:
        if rows:
            lesion = first
            if _other("same_kind").draw(rng) == "no":
                morphology, distribution, _, _ = _lesions(density, total).draw(rng)
                lesion = _finding(spec, morphology, distribution, label_rng)
            same = _other("same_breast").draw(rng) == "yes"
            breast = home if same else _OTHER_SIDE[home]
        lesions[breast] += 1
        subtlety = int(_other("subtlety").draw(rng))
        views = _views(total, total - len(rows), rng)
        for view in views:
            rows.append(
                {
                    "roi_id": roi_id(spec, epoch, patient, start + len(rows)),
                    "patient_id": _patient_id(spec, epoch, patient),
                    "breast": breast,
                    "view": view,
                    "lesion": lesions[breast],
                    "density": density,
                    "subtlety": subtlety,
                    **lesion,
                }
            )
    return rows


def _views(rois_per_patient: int, most: int, rng: Generator) -> list[str]:
    """Draws the views of a lesion of such a patient, at most `most`."""
    while True:
        views = _other("views", str(rois_per_patient)).draw(rng).split("+")
        if len(views) <= most:
            return views


def _finding(
    spec: PhantomSpec, morphology: str, distribution: str, rng: Generator
) -> dict[str, Any]:
    """Returns type, distribution and label, with matching pathology and assessment."""
    if spec.labelling == "descriptor":
        malignant = is_suspicious(morphology)
    else:
        malignant = bool(rng.random() < malignancy_rate(morphology, distribution))
    pathology = "MALIGNANT" if malignant else _benign_pathology().draw(rng)
    return {
        "morphology": morphology,
        "distribution": distribution or pd.NA,
        "label": int(malignant),
        "pathology": pathology,
        "assessment": int(_other("assessment", pathology).draw(rng)),
    }


def _split(patients: pd.Series, keys: dict[str, float]) -> list[str]:
    """Assigns patients to `test` until it has the official share of the ROIs."""
    sizes = patients.value_counts()
    room = round(len(patients) * _OFFICIAL_TEST / _OFFICIAL_ALL)
    test = set()
    for patient in sorted(sizes.index, key=keys.__getitem__):
        if sizes[patient] <= room:
            test.add(patient)
            room -= int(sizes[patient])
    return ["test" if patient in test else "train" for patient in patients]


class _Choice:
    """Draws values with given weights."""

    def __init__(self, values: Sequence[Any], weights: np.ndarray) -> None:
        self._values = values
        self._cumulative = np.cumsum(weights, dtype=np.float64)

    def draw(self, rng: Generator) -> Any:
        point = rng.random() * self._cumulative[-1]
        return self._values[int(np.searchsorted(self._cumulative, point, "right"))]


@functools.cache
def _patients() -> _Choice:
    """A patient's first kind of lesion, weighted by patients, not ROIs."""
    table = kinds()
    weights = table["count"] / table["rois_per_patient"]
    return _Choice(table[list(KIND_COLUMNS)].values.tolist(), weights.to_numpy())


@functools.cache
def _lesions(density: int, rois_per_patient: int) -> _Choice:
    """A further kind of lesion of such a patient."""
    table = kinds()
    table = table[
        (table["density"] == density) & (table["rois_per_patient"] == rois_per_patient)
    ]
    return _Choice(table[list(KIND_COLUMNS)].values.tolist(), table["count"].to_numpy())


@functools.cache
def _other(table: str, given: str = "") -> _Choice:
    rows = other_counts()
    rows = rows[(rows["table"] == table) & (rows["given"] == given)]
    return _Choice(rows["value"].tolist(), rows["count"].to_numpy())


@functools.cache
def _benign_pathology() -> _Choice:
    rows = other_counts()
    rows = rows[(rows["table"] == "assessment") & (rows["given"] != "MALIGNANT")]
    counts = rows.groupby("given")["count"].sum()
    return _Choice(counts.index.tolist(), counts.to_numpy())
