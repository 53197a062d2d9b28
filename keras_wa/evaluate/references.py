"""Reference results without the network: majority class and radiologists' features."""

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
from keras_wa.metrics.estimate import Estimate

DESCRIPTORS = {
    "type + distribution": ("morphology", "distribution"),
    "BI-RADS assessment": ("assessment",),
    "type + distribution + assessment": ("morphology", "distribution", "assessment"),
}
"""Columns with a radiologist's description of the lesion, by name of the reference."""


def predict_from_columns(
    learning: pd.DataFrame, cases: pd.DataFrame, columns: tuple[str, ...]
) -> FloatArray:
    """Predicts the label from columns of the case table, without pixels.

    Fits a logistic regression on one-hot categories. A missing value is a category of
    its own, since it may be informative. Regularisation (C = 0.5) reduces the weight of
    rare descriptors.

    Args:
        learning: training cases with `label` and the columns; both labels.
        cases: cases to predict; unseen categories are ignored.
        columns: names of the columns to use.

    Returns:
        Probabilities of malignancy, float64 of shape `(len(cases),)`.
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
    """Evaluates references without images: majority class and radiologists' features.

    Args:
        learning: case table of training ROIs, of no patient in `cases`, with `label`
            and any of morphology, distribution and assessment.
        cases: case table of the evaluated ROIs, with `patient_id` too.
        n_resamples: number of resamples of the patients.
        seed: seed of the resampling.
        confidence: nominal coverage of the intervals, in (0, 1).
        best_possible_auc: largest expected AUC of any classifier on a phantom.

    Returns:
        For each reference `name`, `auc` and `accuracy` (at p >= 0.5; `{value, low,
        high}` or None), `how` it was made, and `reason`: why a number is absent, else
        `""`.

    Raises:
        ValueError: a value is malformed.
    """
    labels = learning["label"].to_numpy(int)
    majority = float(labels.mean() > 0.5)
    word = "malignant" if majority else "benign"
    lines: list[dict[str, Any]] = []

    def add(
        name: str, how: str, probabilities: FloatArray | None = None, reason: str = ""
    ) -> None:
        line: dict[str, Any] = {"name": name, "auc": None, "accuracy": None}
        if probabilities is not None:
            columns = cases["label"], probabilities, cases["patient_id"]
            found = cluster_bootstrap(*columns, 0.5, n_resamples, seed, confidence)
            line |= {key: found[key].to_record() for key in ("auc", "accuracy")}
        lines.append({**line, "how": how, "reason": reason})

    add(
        "majority class",
        f"all are called {word}, as most of the {len(labels)} learning ROIs are",
        np.full(len(cases), majority),
    )
    for name, columns in DESCRIPTORS.items():
        how = (
            f"logistic regression on {', '.join(columns)}, no pixels, from "
            f"{len(labels)} learning ROIs"
        )
        reason = _why_not(learning, cases, columns)
        predicted = None if reason else predict_from_columns(learning, cases, columns)
        add(name, how, predicted, reason)
    if best_possible_auc is not None:
        add("best possible", "follows from how the phantom is made")
        best = Estimate(best_possible_auc, math.nan, math.nan)
        lines[-1]["auc"] = best.to_record()
    return lines


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
