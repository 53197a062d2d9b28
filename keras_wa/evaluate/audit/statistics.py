"""Single-feature baselines: how well one number of an image predicts the label."""

from __future__ import annotations

import pandas as pd

from keras_wa.evaluate.audit.findings import CheckResult, Score
from keras_wa.evaluate.audit.guesses import (
    SHORTCUT_AUC,
    STRONG_SHORTCUT_AUC,
    at_best,
    defined,
    learning_and_test,
    shortcuts,
    why_not_held_out,
)
from keras_wa.evaluate.audit.pixels import Pixels
from keras_wa.evaluate.text import join
from keras_wa.metrics import Estimate
from keras_wa.metrics.baselines import directed_auc, single_feature_statistics

GREY_LEVELS = {
    "mean": "mean grey level",
    "standard_deviation": "standard deviation of the grey levels",
    "maximum": "brightest grey level",
    "max_minus_median": "brightest minus median grey level",
}
"""Statistics of the pixels. A lesion may change them, so they can be legitimate."""

SIZES = {
    "height": "height of the source",
    "width": "width of the source",
    "aspect": "width by height of the source",
    "bytes": "size of the file",
}
"""Sizes of the ROI before resizing and of its file. Resizing does not hide them: a crop
scaled to the lesion shows the lesion's size."""

_TITLE = "What single numbers of an image tell of the label"


def check_statistics(
    cases: pd.DataFrame, pixels: Pixels, resamples: int = 1000, seed: int = 0
) -> CheckResult:
    """Scores each number by its AUC on the test part, with the sign from training.

    Args:
        cases: a case table with its split.
        pixels: the ROIs that were read.
        resamples: number of resamples of the patients.
        seed: seed of the bootstrap.

    Returns:
        The finding, with a score for each number that is not constant.
    """
    read = cases.iloc[pixels.rows].reset_index(drop=True)
    reason = why_not_held_out(read)
    if reason:
        return CheckResult(
            "statistics", _TITLE, "not done", f"Nothing was scored: {reason}."
        )
    names = GREY_LEVELS | SIZES
    numbers = pd.concat(
        [single_feature_statistics(pixels.images), pixels.sizes], axis=1
    )
    scores = [
        _score(names[name], numbers[name], read, resamples, seed)
        for name in names
        if numbers[name].notna().all() and numbers[name].nunique() > 1
    ]
    return _judge(scores, len(read))


def _score(
    name: str, values: pd.Series, cases: pd.DataFrame, resamples: int, seed: int
) -> Score:
    learning, test = learning_and_test(cases)
    labels = cases["label"].astype(int)
    interval, rises = directed_auc(
        labels[learning],
        values[learning],
        labels[test],
        values[test],
        cases.loc[test, "patient_id"].astype(str),
        n_resamples=resamples,
        seed=seed,
    )
    return Score(
        name,
        auc=defined(interval),
        how=f"{'more' if rises else 'less'} counts as label 1, as in "
        f"{learning.sum()} training ROIs; {test.sum()} test ROIs, 95 % interval by "
        "patient",
    )


def _judge(scores: list[Score], rois: int) -> CheckResult:
    alarms = shortcuts(scores)
    details = {"rois": rois, "warning_above": SHORTCUT_AUC}
    if not alarms:
        return CheckResult(
            "statistics",
            _TITLE,
            "ok",
            "No single number of the images tells anything sure of the "
            f"label{at_best(scores)}.",
            scores=scores,
            details=details,
        )
    sentences, advice = [], []
    grey = {name: auc for name, auc in alarms.items() if name in GREY_LEVELS.values()}
    sizes = {name: auc for name, auc in alarms.items() if name in SIZES.values()}
    for found, what in (
        (grey, "A single number of the grey levels"),
        (sizes, "The size of the source, before resizing,"),
    ):
        if found:
            listed = [f"{name} with AUC {auc}" for name, auc in _ordered(found)]
            sentences.append(f"{what} {_strength(found)} the label: {join(listed)}.")
    if grey:
        advice.append(
            "A network has to beat this number by far before it has learnt to see "
            "lesions; look whether the classes come from different scanners, films or "
            "regions of the breast."
        )
    if sizes:
        advice.append(
            "Cut a fixed field of view, so that the size of the crop tells nothing: "
            "`crop='fixed'`."
        )
    return CheckResult(
        "statistics",
        _TITLE,
        "warning",
        " ".join(sentences),
        " ".join(advice),
        scores=scores,
        details=details,
    )


def _ordered(aucs: dict[str, Estimate]) -> list[tuple[str, Estimate]]:
    return sorted(aucs.items(), key=lambda item: -item[1].value)


def _strength(found: dict[str, Estimate]) -> str:
    strong = any(auc.low > STRONG_SHORTCUT_AUC for auc in found.values())
    return "is a strong shortcut to" if strong else "tells something of"
