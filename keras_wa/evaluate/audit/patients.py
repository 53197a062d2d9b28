"""Checks for patient leakage: patients in more than one part of the split."""

from __future__ import annotations

from typing import Any

import pandas as pd

from keras_wa.data.case_table import PARTS
from keras_wa.evaluate.audit.findings import CheckResult
from keras_wa.evaluate.text import count, join

_LISTED = 50


def leaked_patients(cases: pd.DataFrame) -> list[str]:
    """Returns the patients in more than one part of the split, sorted."""
    parts = cases.groupby("patient_id")["split"].nunique()
    return sorted(str(patient) for patient in parts.index[parts > 1])


def check_patients(cases: pd.DataFrame) -> CheckResult:
    """Checks for patients in more than one part; the details list the first of them."""
    leaked = leaked_patients(cases)
    n_patients = int(cases["patient_id"].nunique())
    patients, rois = count(n_patients, "patient"), count(len(cases), "ROI")
    check = ("patients", "Patients in more than one part of the split")
    details: dict[str, Any] = {"patients": n_patients, "leaked": len(leaked)}
    if leaked:
        theirs = cases[cases["patient_id"].isin(leaked)]
        parts = theirs.groupby("patient_id")["split"].agg(lambda x: sorted(set(x)))
        details["leaked_patients"] = {each: parts[each] for each in leaked[:_LISTED]}
        return CheckResult(
            *check,
            "error",
            f"{len(leaked)} of {patients} are in more than one part of the split, with "
            f"{len(theirs)} of {rois}: a test on this split includes patients that the "
            "model has seen.",
            "Split by patient: `split='official'` or `split='patient-kfold'`.",
            details=details,
        )
    if n_patients == len(cases):
        return CheckResult(
            *check,
            "note",
            f"Each of {rois} counts as a separate patient, so patients in two parts of "
            "the split cannot be found.",
            "State which ROIs belong to one patient, unless each has only one: "
            "`group_pattern` for class folders, the column patient for a CSV table.",
            details=details,
        )
    found = join([part for part in PARTS if (cases["split"] == part).any()])
    sentence = f"None of {patients} is in more than one part of the split ({found})."
    return CheckResult(*check, "ok", sentence, details=details)
