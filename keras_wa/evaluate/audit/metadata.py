"""Checks how well the case table predicts the label, without images."""

from __future__ import annotations

import math

import pandas as pd

from keras_wa.evaluate import DESCRIPTORS, predict_from_columns
from keras_wa.evaluate.audit.findings import CheckResult, Score
from keras_wa.evaluate.audit.guesses import (
    SHORTCUT_AUC,
    learning_and_test,
    score_probabilities,
    why_not_held_out,
)
from keras_wa.evaluate.text import join, percent
from keras_wa.metrics import Estimate

READ = {
    **DESCRIPTORS,
    "density": ("density",),
    "subtlety": ("subtlety",),
    "lesion type": ("lesion_type",),
}
"""Columns with radiologists' findings: not a leak, but a baseline to exceed."""

TAKEN = {
    "breast + view": ("breast", "view"),
    "pixel spacing": ("pixel_spacing_mm",),
}
"""Columns about the acquisition, which should be independent of the label."""

_CHECK = ("metadata", "What the metadata alone reveal about the label")


def check_metadata(
    cases: pd.DataFrame, resamples: int = 1000, seed: int = 0
) -> CheckResult:
    """Predicts the label from each set of columns of the case table.

    A logistic regression is fitted on the training part, validation included, and
    scored on the test part. Values are categories; a missing value is a category too,
    since it may be informative.
    """
    reason = why_not_held_out(cases)
    if reason:
        return CheckResult(*_CHECK, "not done", f"Nothing was predicted: {reason}.")
    learning, test = learning_and_test(cases)
    scores = {
        name: _score(name, columns, cases[learning], cases[test], resamples, seed)
        for name, columns in (READ | TAKEN).items()
        if all(cases[column].nunique(dropna=False) > 1 for column in columns)
    }
    if not scores:
        sentence = "The case table holds no metadata that differ between ROIs."
        return CheckResult(*_CHECK, "ok", sentence)
    labels = cases.loc[test, "label"].to_numpy(int)
    majority = max(labels.mean(), 1 - labels.mean())
    details = {"majority_class_accuracy": float(majority), "test_rois": len(labels)}
    return _judge(scores, majority, details)


def _score(
    name: str,
    columns: tuple[str, ...],
    train: pd.DataFrame,
    test: pd.DataFrame,
    resamples: int,
    seed: int,
) -> Score:
    return score_probabilities(
        name,
        test["label"].to_numpy(int),
        predict_from_columns(train, test, columns),
        test["patient_id"].to_numpy(str),
        resamples,
        seed,
        how=f"logistic regression on {join(columns)}, from {len(train)} training to "
        f"{len(test)} test ROIs; 95 % intervals by patient",
    )


def _judge(
    scores: dict[str, Score], majority: float, details: dict[str, float]
) -> CheckResult:
    def tells(name: str, bound: float) -> bool:
        return name in scores and _auc(scores, name).low > bound

    read = [name for name in READ if tells(name, 0.5)]
    taken = [name for name in TAKEN if tells(name, SHORTCUT_AUC)]
    sentences, advice = [], []
    if taken:
        sentences.append(
            f"How the image was taken predicts the label: {_aucs(scores, taken)}. An "
            "image model can learn that instead of the lesion."
        )
        advice.append("Balance the classes over how the images were taken.")
    if read:
        best = max(read, key=lambda name: _auc(scores, name).value)
        sentences.append(
            f"Without any pixels, radiologists' descriptions predict the label: "
            f"{_aucs(scores, [best])}, accuracy "
            f"{percent(scores[best].accuracy or math.nan)}; the majority class alone "
            f"has {percent(majority)}."
        )
        advice.append("This is no leak: it is the baseline for an image model.")
    if not sentences:
        sentences.append("The metadata do not predict the label.")
    return CheckResult(
        *_CHECK,
        "warning" if taken else "note" if read else "ok",
        " ".join(sentences),
        " ".join(advice),
        scores=list(scores.values()),
        details=details,
    )


def _auc(scores: dict[str, Score], name: str) -> Estimate:
    return scores[name].auc or Estimate(math.nan, math.nan, math.nan)


def _aucs(scores: dict[str, Score], names: list[str]) -> str:
    return join([f"{name} with AUC {_auc(scores, name)}" for name in names])
