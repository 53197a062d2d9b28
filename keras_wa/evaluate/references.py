"""The lines that give a number its meaning: what is reached without the network."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from keras_wa.data.columns import as_categories
from keras_wa.metrics.arguments import FloatArray
from keras_wa.metrics.bootstrap import cluster_bootstrap

DESCRIPTORS = {
    "type + distribution": ("morphology", "distribution"),
    "BI-RADS assessment": ("assessment",),
    "type + distribution + assessment": ("morphology", "distribution", "assessment"),
}
"""What a radiologist has written down of a lesion, by the name of the reference."""


def predict_from_columns(
    learning: pd.DataFrame, cases: pd.DataFrame, columns: tuple[str, ...]
) -> FloatArray:
    """Predicts the label from columns of the case table, without any pixel.

    A logistic regression on categories (one-hot), where missing is one too, as that
    something was not stated may tell as much. It is regularised weakly (C = 0.5), so
    that rare descriptors do not count as much as common ones.

    Args:
        learning: cases to learn from, with `label` and the columns; both labels.
        cases: cases to predict; categories that were not learnt count for nothing.
        columns: which to use.

    Returns:
        Probability of malignancy of each case, float64 of shape `(len(cases),)`.
    """
    model = make_pipeline(
        OneHotEncoder(handle_unknown="ignore"),
        LogisticRegression(C=0.5, max_iter=5000),
    )
    model.fit(_categories(learning, columns), learning["label"].to_numpy(int))
    predicted = model.predict_proba(_categories(cases, columns))[:, 1]
    return np.asarray(predicted, np.float64)


def reference_lines(
    learning: pd.DataFrame,
    cases: pd.DataFrame,
    n_resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
    best_possible_auc: float | None = None,
) -> list[dict[str, Any]]:
    """Scores what needs no image: the majority class and what radiologists wrote down.

    Args:
        learning: case table of the ROIs to learn from, none of them of a patient in
            `cases`, with `label` and what there is of morphology, distribution and
            assessment.
        cases: that of the ROIs that the network is evaluated on, with `patient_id` too.
        n_resamples: of the bootstrap by patient.
        seed: of the bootstrap.
        confidence: coverage that the intervals aim at.
        best_possible_auc: of a phantom, what no classifier can be expected to exceed.

    Returns:
        For each reference `name, auc` and `accuracy` (at p >= 0.5; `{value, low, high}`
        or None), `how` it was made and `reason`: why there is no number, `""` if there
        is.

    Raises:
        ValueError: if a value is malformed.
    """
    labels = learning["label"].to_numpy(int)
    majority = float(labels.mean() > 0.5)
    word = "malignant" if majority else "benign"

    def scored(name: str, probabilities: FloatArray, how: str) -> dict[str, Any]:
        intervals = cluster_bootstrap(
            cases["label"],
            probabilities,
            cases["patient_id"],
            0.5,
            n_resamples=n_resamples,
            seed=seed,
            confidence=confidence,
        )
        auc, accuracy = (intervals[key].to_record() for key in ("auc", "accuracy"))
        return _line(name, how, auc, accuracy)

    lines = [
        scored(
            "majority class",
            np.full(len(cases), majority),
            f"all are called {word}, as most of the {len(labels)} learning ROIs are",
        )
    ]
    for name, columns in DESCRIPTORS.items():
        how = (
            f"logistic regression on {', '.join(columns)}, no pixels, from "
            f"{len(labels)} learning ROIs"
        )
        reason = _why_not(learning, cases, columns)
        if reason:
            lines.append(_line(name, how, reason=reason))
        else:
            predicted = predict_from_columns(learning, cases, columns)
            lines.append(scored(name, predicted, how))
    if best_possible_auc is not None:
        best = {"value": best_possible_auc, "low": math.nan, "high": math.nan}
        lines.append(
            _line("best possible", "follows from how the phantom is made", best)
        )
    return lines


def _line(
    name: str,
    how: str,
    auc: dict[str, float] | None = None,
    accuracy: dict[str, float] | None = None,
    reason: str = "",
) -> dict[str, Any]:
    return {
        "name": name,
        "auc": auc,
        "accuracy": accuracy,
        "how": how,
        "reason": reason,
    }


def _why_not(
    learning: pd.DataFrame, cases: pd.DataFrame, columns: tuple[str, ...]
) -> str:
    for column in columns:
        for part, name in ((learning, "learning"), (cases, "evaluated")):
            if column not in part or part[column].isna().all():
                return f"the {name} ROIs have no {column}"
    if learning["label"].nunique() < 2:
        return "the learning ROIs are all of one class"
    return ""


def _categories(cases: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame({column: as_categories(cases[column]) for column in columns})
