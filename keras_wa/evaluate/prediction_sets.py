"""Measures the coverage of prediction sets on predictions."""

from __future__ import annotations

import dataclasses
from typing import Any

import pandas as pd

from keras_wa.data.columns import as_categories
from keras_wa.metrics.prediction_sets import PredictionSets, set_coverage


def measure_sets(
    predictions: pd.DataFrame,
    sets: PredictionSets,
    n_resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """Measures the coverage of prediction sets, of all ROIs and by density.

    Args:
        predictions: one row per ROI, with `patient_id`, `label` and `probability`;
            optional: `density`.
        sets: the prediction sets.
        n_resamples: number of resamples of the patients.
        seed: seed of the resampling.
        confidence: nominal coverage of the intervals, in (0, 1).

    Returns:
        The fields of `sets`, its `caveat`, and `measured`: a record for all ROIs
        (`group` is `"all"`) and each density, with `n`, `n_patients` and the values of
        `set_coverage`.

    Raises:
        ValueError: a value is malformed.
    """
    groups = {"all": predictions}
    if "density" in predictions and predictions["density"].notna().any():
        density = as_categories(predictions["density"])
        for value in sorted(set(density)):
            groups[f"density {value}"] = predictions[density == value]
    measured = []
    for name, rois in groups.items():
        columns = rois["label"], rois["probability"], rois["patient_id"]
        found = set_coverage(*columns, sets, n_resamples, seed, confidence)
        estimates = {key: each.to_record() for key, each in found.items()}
        patients = int(rois["patient_id"].nunique())
        measured.append(
            {"group": name, "n": len(rois), "n_patients": patients, **estimates}
        )
    return {**dataclasses.asdict(sets), "caveat": sets.caveat, "measured": measured}
