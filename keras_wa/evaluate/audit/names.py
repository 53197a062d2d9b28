"""Checks how well file names and paths predict the label."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from keras_wa.evaluate.audit.findings import CheckResult, Score
from keras_wa.evaluate.audit.guesses import (
    STRONG_SHORTCUT_AUC,
    highest_auc,
    score_probabilities,
    shortcuts,
)
from keras_wa.evaluate.audit.path_tokens import PARTS_OF_NAMES, name_tokens, names_of
from keras_wa.evaluate.text import join

MIN_ROIS = 5
"""Smallest number of ROIs of a token; rarer ones are unique names and ignored."""

MIN_PATIENTS = 3
"""Smallest number of patients of a token; rarer ones identify patients."""

_ALL = "all of these"
_CHECK = ("names", "What file names and paths reveal about the label")
_FOLDS = 5
_LISTED = 6
_NAMED = 2


def check_names(
    cases: pd.DataFrame, resamples: int = 1000, seed: int = 0
) -> CheckResult:
    """Predicts the label from the tokens of names, cross-validated by patient.

    Each patient is predicted by a logistic regression fitted on other patients, so a
    patient's name does not help; a letter for the hospital does. The split is not used.
    """
    labels = cases["label"].to_numpy(np.int64)
    patients = cases["patient_id"].to_numpy(str)
    scarcest = cases.groupby("label")["patient_id"].nunique().reindex([0, 1])
    folds = min(_FOLDS, int(scarcest.fillna(0).min()))
    if folds < 2:
        reason = "Nothing was predicted: there are fewer than two patients of a label."
        return CheckResult(*_CHECK, "not done", reason)
    classes = {*cases["pathology"].dropna(), *cases["label"].astype(str)}
    tokens = _common(name_tokens(names_of(cases), classes), patients)
    chosen = {
        name: tokens[tokens["part"] == part] for part, name in PARTS_OF_NAMES.items()
    }
    chosen = {name: theirs for name, theirs in chosen.items() if len(theirs)}
    if len(chosen) > 1:
        chosen[_ALL] = tokens
    scores = [
        score_probabilities(
            name,
            labels,
            _predict(_one_hot(theirs, len(cases)), labels, patients, folds),
            patients,
            resamples,
            seed,
            how=f"logistic regression on {theirs['token'].nunique()} tokens, {folds} "
            "folds of patients; 95 % intervals by patient",
        )
        for name, theirs in chosen.items()
    ]
    return _judge(scores, informative_tokens(tokens, labels, patients), len(cases))


def informative_tokens(
    tokens: pd.DataFrame, labels: NDArray[np.int64], patients: NDArray[Any]
) -> pd.DataFrame:
    """Ranks informative tokens by the deviation of their label rate from the overall.

    Args:
        tokens: the result of `name_tokens`.
        labels, patients: of the ROIs, `(n,)`.

    Returns:
        One row per token, the most informative first: `part`, `token`, `rois`,
        `patients`, `label_1` (share of its ROIs with label 1), and `deviation`, in
        standard errors for as many independent patients.
    """
    rows = tokens["row"].to_numpy(int)
    counted = (
        tokens.assign(label=labels[rows], patient=patients[rows])
        .groupby(["part", "token"])
        .agg(
            rois=("label", "size"),
            patients=("patient", "nunique"),
            label_1=("label", "mean"),
        )
        .reset_index()
    )
    rate = labels.mean()
    error = np.sqrt(rate * (1 - rate) / counted["patients"])
    counted["deviation"] = (counted["label_1"] - rate) / error
    order = counted["deviation"].abs().sort_values(ascending=False, kind="stable")
    return counted.loc[order.index].reset_index(drop=True)


def _common(tokens: pd.DataFrame, patients: NDArray[Any]) -> pd.DataFrame:
    """Returns the tokens of several ROIs and patients that not every name has."""
    named = tokens.assign(patient=patients[tokens["row"].to_numpy(int)])
    groups = named.groupby(["part", "token"])
    rois = groups["row"].transform("size")
    people = groups["patient"].transform("nunique")
    kept = (rois >= MIN_ROIS) & (people >= MIN_PATIENTS) & (rois < len(patients))
    return tokens[kept]


def _one_hot(tokens: pd.DataFrame, count: int) -> csr_array:
    columns, names = pd.factorize(pd.MultiIndex.from_frame(tokens[["part", "token"]]))
    ones = np.ones(len(tokens))
    return csr_array((ones, (tokens["row"], columns)), shape=(count, len(names)))


def _predict(
    features: csr_array, labels: NDArray[np.int64], patients: NDArray[Any], folds: int
) -> NDArray[np.float64]:
    """Returns cross-validated probabilities, with folds by patient."""
    # The folds are from the sorted patients, since the shuffle of scikit-learn 1.5,
    # which is still supported, gives patients the label counts of others.
    groups = pd.factorize(patients, sort=True)[0]
    predicted: NDArray[np.float64] = cross_val_predict(
        LogisticRegression(C=0.5, max_iter=5000),
        features,
        labels,
        groups=groups,
        cv=StratifiedGroupKFold(folds),
        method="predict_proba",
    )[:, 1]
    return predicted


def _judge(scores: list[Score], telling: pd.DataFrame, rois: int) -> CheckResult:
    # The first of each part, so that no part hides another.
    listed = telling.groupby("part", sort=False).head(_LISTED)
    tokens = [
        {
            "part": PARTS_OF_NAMES[each["part"]],
            "token": each["token"],
            "rois": each["rois"],
            "patients": each["patients"],
            "label_1": round(each["label_1"], 4),
        }
        for each in listed.to_dict("records")
    ]
    result = functools.partial(
        CheckResult, *_CHECK, scores=scores, details={"tokens": tokens}
    )
    if not scores:
        return result(
            "ok",
            "File names and paths have nothing in common that differs between ROIs.",
        )
    alarms = shortcuts(scores)
    if not alarms:
        return result(
            "ok",
            f"File names and paths do not predict the label{highest_auc(scores)}.",
        )
    examples = [
        f"{token['token']!r} in {name} ({token['rois']} of {rois} ROIs, "
        f"{token['patients']} patients, {100 * token['label_1']:.0f} % label 1)"
        for name in alarms
        for token in [each for each in tokens if each["part"] == name][:_NAMED]
    ]
    strong = any(auc.low > STRONG_SHORTCUT_AUC for auc in alarms.values())
    # The score of all tokens is left out if one kind alone is enough.
    single = {name: auc for name, auc in alarms.items() if name != _ALL} or alarms
    return result(
        "warning",
        "File names and paths alone predict the label "
        f"{'well' if strong else 'somewhat'}: "
        + join([f"{name} with AUC {auc}" for name, auc in single.items()])
        + f". The most informative are {join(examples)}.",
        "If names reveal the source of an image, the pixels do too: balance the "
        "classes over the sources, or test on a source that is not in training. Never "
        "use names as model inputs.",
    )
