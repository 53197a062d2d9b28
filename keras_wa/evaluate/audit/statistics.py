"""Single-feature baselines: how well one number of an image predicts the label."""

from __future__ import annotations

import functools

import pandas as pd

from keras_wa.evaluate.audit.findings import CheckResult, Score
from keras_wa.evaluate.audit.guesses import (
    SHORTCUT_AUC,
    STRONG_SHORTCUT_AUC,
    defined,
    highest_auc,
    learning_and_test,
    shortcuts,
    why_not_held_out,
)
from keras_wa.evaluate.audit.pixels import Pixels
from keras_wa.evaluate.text import join
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

STATISTICS = ("statistics", "What single numbers of an image reveal about the label")


def check_statistics(
    cases: pd.DataFrame, pixels: Pixels, resamples: int = 1000, seed: int = 0
) -> CheckResult:
    """Scores each number that is not constant by its AUC on the test part.

    The sign of each is that of the training part.
    """
    read = cases.iloc[pixels.rows].reset_index(drop=True)
    reason = why_not_held_out(read)
    if reason:
        return CheckResult(*STATISTICS, "not done", f"Nothing was scored: {reason}.")
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
        cases.loc[test, "patient_id"],
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
    result = functools.partial(
        CheckResult,
        *STATISTICS,
        scores=scores,
        details={"rois": rois, "warning_above": SHORTCUT_AUC},
    )
    if not alarms:
        return result(
            "ok",
            f"No single number of the images predicts the label{highest_auc(scores)}.",
        )
    sentences, advice = [], []
    for names, what, then in (
        (
            GREY_LEVELS,
            "A single number of the grey levels",
            "A network must clearly exceed this number to show that it sees lesions; "
            "check whether the classes come from different scanners, films or regions "
            "of the breast.",
        ),
        (
            SIZES,
            "The size of the source, before resizing,",
            "Cut a fixed field of view, so that all crops have one size: "
            "`crop='fixed'`.",
        ),
    ):
        found = {name: auc for name, auc in alarms.items() if name in names.values()}
        if found:
            strong = any(auc.low > STRONG_SHORTCUT_AUC for auc in found.values())
            verb = "is a strong shortcut to" if strong else "is informative about"
            ordered = sorted(found.items(), key=lambda item: -item[1].value)
            listed = join([f"{name} with AUC {auc}" for name, auc in ordered])
            sentences.append(f"{what} {verb} the label: {listed}.")
            advice.append(then)
    return result("warning", " ".join(sentences), " ".join(advice))
