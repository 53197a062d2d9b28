"""All metrics of one table of predictions, of ROIs or of patients."""

from __future__ import annotations

from typing import Any

import pandas as pd

from keras_wa.metrics.bootstrap import cluster_bootstrap
from keras_wa.metrics.classification import classification_metrics
from keras_wa.metrics.delong import auc

FEW_PATIENTS = 10
"""With fewer patients an interval is not reliable."""


def score_units(
    table: pd.DataFrame,
    threshold: float,
    n_resamples: int,
    seed: int,
    confidence: float,
) -> dict[str, Any]:
    """Scores predictions, with intervals by patient; see `cluster_bootstrap`.

    Args:
        table: one row per unit (ROI, image, breast or patient), with `patient_id`,
            `label` and `probability`.

    Returns:
        `n, n_positive, n_patients, metrics {name: {value, low, high}}, auc_delong
        {value, low, high, standard_error}, counts {tp, fp, tn, fn}, n_dropped {name:
        resamples in which it was undefined}`, NaN if undefined.
    """
    columns = table["label"], table["probability"], table["patient_id"]
    intervals = cluster_bootstrap(*columns, threshold, n_resamples, seed, confidence)
    area = auc(*columns, confidence)
    values = classification_metrics(*columns[:2], threshold)
    return {
        "n": len(table),
        "n_positive": int(values["tp"] + values["fn"]),
        "n_patients": int(table["patient_id"].nunique()),
        "metrics": {name: each.to_record() for name, each in intervals.items()},
        "auc_delong": {**area.to_record(), "standard_error": area.standard_error},
        "counts": {name: int(values[name]) for name in ("tp", "fp", "tn", "fn")},
        "n_dropped": {name: each.n_dropped for name, each in intervals.items()},
    }
