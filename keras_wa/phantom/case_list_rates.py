"""Frequencies of kinds of calcifications in the official case lists.

The counts come from the calcification case lists of CBIS-DDSM (Lee et al., The Cancer
Imaging Archive, doi:10.7937/K9/TCIA.2016.7O02S9CY, CC BY 3.0), without images.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import pandas as pd

from keras_wa.errors import UserError

JOINT_COLUMNS = (
    "morphology",
    "distribution",
    "density",
    "pathology",
    "view",
    "rois_per_patient",
)
"""The columns of the joint table; a seventh, `count`, holds the number of ROIs."""

OTHER_COLUMNS = ("table", "given", "value")
"""The columns of the table of further counts; a fourth, `count`, holds the number."""

_RENAMED = {
    "breast density": "density",
    "left or right breast": "breast",
    "image view": "view",
    "abnormality id": "lesion",
    "calc type": "morphology",
    "calc distribution": "distribution",
}


def read_case_lists(paths: Sequence[Path]) -> pd.DataFrame:
    """Reads official calcification case lists.

    Args:
        paths: the CSV files.

    Returns:
        One row per ROI: `patient_id, breast, view, lesion, density, morphology,
        distribution, assessment, pathology, subtlety`.

    Raises:
        UserError: a file lacks a column.
    """
    wanted = [*_RENAMED, "patient_id", "assessment", "pathology", "subtlety"]
    parts = []
    for path in paths:
        part = pd.read_csv(path)
        missing = [name for name in wanted if name not in part.columns]
        if missing:
            raise UserError(
                f"{path} is not an official calcification case list: it lacks the "
                f"column(s) {missing}. Received: {list(part.columns)}"
            )
        parts.append(part[wanted].rename(columns=_RENAMED))
    return pd.concat(parts, ignore_index=True)


def count_joint(cases: pd.DataFrame) -> pd.DataFrame:
    """Counts ROIs by type, distribution, density, pathology, view, ROIs per patient.

    Args:
        cases: a table from `read_case_lists`.

    Returns:
        `JOINT_COLUMNS` and `count`, sorted; a missing type or distribution is `""`.
    """
    per_patient = cases.groupby("patient_id")["view"].transform("size")
    table = cases.assign(
        rois_per_patient=per_patient,
        morphology=cases["morphology"].fillna(""),
        distribution=cases["distribution"].fillna(""),
    )
    counts = table.groupby(list(JOINT_COLUMNS)).size().rename("count")
    return counts.reset_index()


def count_other(cases: pd.DataFrame) -> pd.DataFrame:
    """Counts further properties of the case table.

    Args:
        cases: a table from `read_case_lists`.

    Returns:
        `OTHER_COLUMNS` and `count`. Tables: `assessment` given the pathology,
        `subtlety`, `breast`, `views` of a lesion (`CC+MLO`, `CC`, `MLO`) given the
        patient's number of ROIs, and whether a further lesion of a patient has the
        type and distribution of the first (`same_kind`) and its breast
        (`same_breast`).
    """
    cases = cases.assign(
        kind=cases["morphology"].fillna("") + "|" + cases["distribution"].fillna("")
    )
    lesions = (
        cases.sort_values(["patient_id", "breast", "lesion", "view"])
        .groupby(["patient_id", "breast", "lesion"], as_index=False)
        .agg(view=("view", "+".join), kind=("kind", "first"))
    )
    rois = lesions["patient_id"].map(cases["patient_id"].value_counts()).astype(str)
    further = lesions.duplicated("patient_id")

    def same(column: str) -> pd.Series:
        first = lesions.groupby("patient_id")[column].transform("first")
        return (lesions[column] == first)[further].map({True: "yes", False: "no"})

    parts = []
    for table, given, value in (
        ("assessment", cases["pathology"], cases["assessment"]),
        ("subtlety", None, cases["subtlety"]),
        ("breast", None, cases["breast"]),
        ("views", rois, lesions["view"]),
        ("same_kind", None, same("kind")),
        ("same_breast", None, same("breast")),
    ):
        frame = pd.DataFrame({"table": table, "value": value.astype(str)})
        frame["given"] = "" if given is None else given
        parts.append(frame.groupby(list(OTHER_COLUMNS)).size().rename("count"))
    return pd.concat(parts).reset_index()


@functools.cache
def joint_counts() -> pd.DataFrame:
    """Returns the embedded result of `count_joint`. Do not modify it."""
    return _embedded("joint_counts.csv")


@functools.cache
def other_counts() -> pd.DataFrame:
    """Returns the embedded result of `count_other`. Do not modify it."""
    return _embedded("other_counts.csv")


def _embedded(name: str) -> pd.DataFrame:
    source = resources.files("keras_wa.phantom") / name
    with source.open(encoding="utf-8") as file:
        return pd.read_csv(file, keep_default_na=False)
