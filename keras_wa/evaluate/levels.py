"""Pools predictions of ROIs by image, lesion, breast or patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

LEVELS = {
    "roi": ("roi_id",),
    "image": ("patient_id", "breast", "view"),
    "lesion": ("patient_id", "breast", "lesion"),
    "breast": ("patient_id", "breast"),
    "patient": ("patient_id",),
}
"""Each level with the columns that identify its units, from small to large."""

Pooling = Literal["max", "mean"]


@dataclass(frozen=True)
class Level:
    """Predictions of a level.

    Attributes:
        table: one row per unit, with `patient_id`, the level's own columns, `label`,
            `probability` and `n_rois`; None if the level is left out.
        reason: why the level is left out; `""` if it is not.
    """

    table: pd.DataFrame | None
    reason: str = ""


def aggregate(predictions: pd.DataFrame, level: str, pooling: Pooling = "max") -> Level:
    """Pools predictions of ROIs by image, lesion, breast or patient.

    A unit is malignant if any of its ROIs is. By default its probability is the maximum
    of its ROIs: at the same threshold it is positive exactly if one of its ROIs is.
    Units with many ROIs are then more likely to be positive. `"mean"` avoids that, but
    dilutes a single malignant ROI among benign ones.

    Args:
        predictions: one row per ROI, with `patient_id`, `label`, `probability` and the
            level's columns.
        level: one of `LEVELS`.
        pooling: how the probabilities are pooled, `"max"` or `"mean"`.

    Returns:
        The level's predictions, sorted by its columns (`roi`: in the order given). The
        level is left out if one of its columns is absent or has a missing value, since
        ROIs of unknown units cannot be counted.

    Raises:
        ValueError: the level or the pooling is unknown.
    """
    if level not in LEVELS:
        raise ValueError(f"level must be one of {list(LEVELS)}. Received: {level!r}")
    if pooling not in ("max", "mean"):
        raise ValueError(f"pooling must be 'max' or 'mean'. Received: {pooling!r}")
    columns = list(LEVELS[level])
    for column in columns:
        if column not in predictions:
            return Level(None, f"the table has no column {column!r}")
        missing = int(predictions[column].isna().sum())
        if missing:
            rois = "ROI" if missing == 1 else "ROIs"
            return Level(None, f"{column} is missing for {missing} {rois}")
    if level == "roi":
        names = ["roi_id", "patient_id", "label", "probability"]
        return Level(predictions[names].assign(n_rois=1).reset_index(drop=True))
    # In a fixed order the mean does not depend on the order of the rows.
    values = predictions.assign(
        label=predictions["label"].astype("int64"),
        probability=predictions["probability"].astype("float64"),
    )
    values = values.sort_values("probability")
    pooled = values.groupby(columns, sort=True).agg(
        label=("label", "max"),
        probability=("probability", pooling),
        n_rois=("label", "size"),
    )
    return Level(pooled.reset_index())


def image_ids(predictions: pd.DataFrame) -> pd.Series:
    """Returns the image of each ROI, `patient_breast_view`; NA where one is missing."""
    patient, breast, view = (
        predictions[column].astype("string") for column in LEVELS["image"]
    )
    return patient + "_" + breast + "_" + view
