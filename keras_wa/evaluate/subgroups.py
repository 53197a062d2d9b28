"""Metrics of subgroups: by density, morphology, distribution and other columns."""

from __future__ import annotations

from typing import Any

import pandas as pd

from keras_wa.data.columns import MISSING, as_categories
from keras_wa.metrics.bootstrap import cluster_bootstrap
from keras_wa.metrics.units import FEW_PATIENTS

SUBGROUP_COLUMNS = (
    "density",
    "morphology",
    "distribution",
    "subtlety",
    "view",
    "assessment",
)
"""The columns whose values are subgroups, in reporting order."""


def subgroup_metrics(
    predictions: pd.DataFrame,
    threshold: float,
    n_resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> list[dict[str, Any]]:
    """Computes metrics for the ROIs of each value of each subgroup column.

    With many subgroups, some differ from the whole by chance: an interval that contains
    the value of the whole shows no difference. A combined value such as
    `PLEOMORPHIC-FINE_LINEAR_BRANCHING` is a separate subgroup.

    Args:
        predictions: one row per ROI, with `patient_id`, `label`, `probability` and any
            of `SUBGROUP_COLUMNS`.
        threshold: decision threshold; positive if `probability >= threshold`.
        n_resamples: number of resamples of the patients.
        seed: seed of the resampling.
        confidence: nominal coverage of the intervals, in (0, 1).

    Returns:
        For each value, sorted: `column, value` (text, `"NA"` if missing), `n,
        n_positive, n_patients, few_patients` (fewer than 10), `auc, sensitivity,
        specificity` (each `{value, low, high}`, NaN if undefined) and `reason`: why a
        number is undefined, else `""`. Empty columns are left out.

    Raises:
        ValueError: a value is malformed.
    """
    records = []
    for column in SUBGROUP_COLUMNS:
        if column not in predictions or predictions[column].isna().all():
            continue
        values = as_categories(predictions[column])
        for value in sorted(set(values), key=_numbers_first):
            rois = predictions[values == value]
            columns = rois["label"], rois["probability"], rois["patient_id"]
            intervals = cluster_bootstrap(
                *columns, threshold, n_resamples, seed, confidence
            )
            n_patients = int(rois["patient_id"].nunique())
            records.append(
                {
                    "column": column,
                    "value": value,
                    "n": len(rois),
                    "n_positive": int(rois["label"].sum()),
                    "n_patients": n_patients,
                    "few_patients": n_patients < FEW_PATIENTS,
                    **{
                        name: intervals[name].to_record()
                        for name in ("auc", "sensitivity", "specificity")
                    },
                    "reason": _reason(rois, n_patients),
                }
            )
    return records


def _reason(rois: pd.DataFrame, n_patients: int) -> str:
    reasons = []
    if rois["label"].nunique() < 2:
        kind = "malignant" if rois["label"].iloc[0] else "benign"
        reasons.append(f"all ROIs are {kind}, so there is no AUC")
    if n_patients == 1:
        reasons.append("there is one patient, so there are no intervals")
    return "; ".join(reasons)


def _numbers_first(value: str) -> tuple[bool, float, str]:
    """Sort key: numbers by value, then words, missing values last."""
    number = float(value) if value.replace(".", "", 1).isdigit() else float("inf")
    return value == MISSING, number, value
