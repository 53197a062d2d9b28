"""Scores a model that only recognises patients."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_wa.data.leaky_splits import COPIES
from keras_wa.evaluate.audit.findings import CheckResult, Score
from keras_wa.evaluate.audit.guesses import defined, learning_and_test, why_not_held_out
from keras_wa.evaluate.text import percent
from keras_wa.metrics import Estimate, cluster_bootstrap

Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]

_CHECK = ("recall", "What recalling the label of the same patient would score")


def check_recall(
    cases: pd.DataFrame, resamples: int = 1000, seed: int = 0, splits: int = 200
) -> CheckResult:
    """Scores patient recall on the table's own split and on random ones.

    Recall predicts for a test ROI the most frequent label of its patient's training
    ROIs; in a tie or for an unknown patient, the majority class of the training part.
    It uses no pixels, so a score above the majority class is leakage.

    Args:
        cases: a case table with its split.
        resamples: number of resamples of the patients, for the table's own split.
        seed: seed of the bootstrap and of the random splits.
        splits: number of random splits of each kind.

    Returns:
        The finding. Scores on random splits are means, with the range of 95 % of the
        splits.
    """
    labels = cases["label"].to_numpy(np.int64)
    patients = pd.factorize(cases["patient_id"])[0].astype(np.int64)
    own = _own_split(cases, labels, patients, resamples, seed)
    majority = float(max(labels.mean(), 1 - labels.mean()))
    details = {"majority_class_accuracy": majority, "random_splits": splits}
    random = random_scores(cases, splits, seed)
    result = functools.partial(
        CheckResult, *_CHECK, scores=[*([own] if own else []), *random], details=details
    )
    if patients.max() + 1 == len(cases):
        return result(
            "note",
            "Each ROI counts as a separate patient, so recalling the patient is the "
            "same as guessing the majority class.",
        )
    by_roi = _accuracy(random[0])
    sentence = (
        f"On a random 80/20 split by ROI, recalling the same patient's label would be "
        f"right in {percent(by_roi)} without any pixel, and the majority class in "
        f"{percent(majority)}."
    )
    _, test = learning_and_test(cases)
    known = np.isin(patients[test], patients[~test])
    details["known_test_rois"] = int(known.sum())
    if known.any() and own:
        return result(
            "error",
            f"On this split it is right in {percent(_accuracy(own))}, as {known.sum()} "
            f"of {len(known)} test ROIs are of patients who are in training too. "
            + sentence,
            "Split by patient: `split='official'` or `split='patient-kfold'`.",
        )
    if own:
        sentence = (
            "This split separates patients, so there is nothing to recall on it. "
            + sentence
        )
    if by_roi.value <= majority:
        return result("ok", sentence)
    return result(
        "note",
        sentence,
        "Do not trust a number from a split that divides patients, or compare it with "
        "one from a split that does not.",
    )


def random_scores(cases: pd.DataFrame, splits: int, seed: int) -> list[Score]:
    """Scores recall on random splits: by ROI 80/20 and 90/10, by image, augmented.

    By image: a row is a whole image, malignant if one of its ROIs is, as in datasets
    for image classifiers. Augmented: six copies of each ROI are split 80/20, and a copy
    whose ROI has another copy in training gets that ROI's label.

    Returns:
        The scores, in that order; by image only if an image has several ROIs.
    """
    labels = cases["label"].to_numpy(np.int64)
    patients = pd.factorize(cases["patient_id"])[0].astype(np.int64)
    images = pd.Series(image_codes(cases))
    first = ~images.duplicated().to_numpy(bool)
    copied = np.repeat(np.arange(len(cases)), COPIES)
    # The label of each row, the share of the test part, and the groups by which a test
    # row is recognised.
    kinds = {
        "random 80/20 by ROI": (labels, 0.2, [patients]),
        "random 90/10 by ROI": (labels, 0.1, [patients]),
        "random 80/20 by image": (
            pd.Series(labels).groupby(images).max().to_numpy(),
            0.2,
            [patients[first]],
        ),
        f"random 80/20, {COPIES}-fold augmentation before it": (
            labels[copied],
            0.2,
            [copied, patients[copied]],
        ),
    }
    if first.all():
        del kinds["random 80/20 by image"]
    scores = []
    for name, (answers, share, known_by) in kinds.items():
        rng = np.random.default_rng(seed)
        draws = (_draw(len(answers), share, rng) for _ in range(splits))
        found = [(recall(answers, t, known_by) == answers[t]).mean() for t in draws]
        low, high = np.quantile(found, [0.025, 0.975])
        scores.append(
            Score(
                name,
                accuracy=Estimate(float(np.mean(found)), float(low), float(high)),
                how=f"mean of {splits} splits and the range that holds 95 % of them",
            )
        )
    return scores


def recall(labels: Codes, test: Mask, known_by: list[Codes]) -> Codes:
    """Predicts the labels of the test rows, `(n_test,)`, by recall.

    Args:
        labels: shape `(n,)`, 0 or 1.
        test: shape `(n,)`, true for test rows; the others are training rows.
        known_by: groupings, each of shape `(n,)`, the most reliable first: a test row
            gets the most frequent label of its group's training rows, from the first
            grouping with such rows.
    """
    learnt = labels[~test]
    majority = int(2 * learnt.sum() > len(learnt))
    answers = np.full(int(test.sum()), -1)
    for codes in known_by:
        size = int(codes.max()) + 1
        rows = np.bincount(codes[~test], minlength=size)
        ones = np.bincount(codes[~test], weights=learnt, minlength=size)
        answer = np.where(2 * ones == rows, majority, 2 * ones > rows)
        answer = np.where(rows == 0, -1, answer)
        answers = np.where(answers < 0, answer[codes[test]], answers)
    return np.where(answers < 0, majority, answers)


def image_codes(cases: pd.DataFrame) -> Codes:
    """Numbers the images: one per file, else per view of a breast, else per ROI."""
    view = cases["patient_id"] + "|" + cases["breast"] + "|" + cases["view"]
    named = cases["image_path"].fillna(view).fillna(cases["roi_id"])
    return pd.factorize(named)[0].astype(np.int64)


def _own_split(
    cases: pd.DataFrame, labels: Codes, patients: Codes, resamples: int, seed: int
) -> Score | None:
    if why_not_held_out(cases):
        return None
    test = learning_and_test(cases)[1].to_numpy(bool)
    answers, own = recall(labels, test, [patients]), cases.loc[test, "patient_id"]
    found = cluster_bootstrap(labels[test], answers, own, 0.5, resamples, seed)
    accuracy = defined(found["accuracy"])
    return Score("this split", accuracy=accuracy, how="95 % by patient")


def _draw(count: int, share: float, rng: np.random.Generator) -> Mask:
    drawn = np.zeros(count, dtype=bool)
    drawn[rng.permutation(count)[: max(1, round(share * count))]] = True
    return drawn


def _accuracy(score: Score) -> Estimate:
    return score.accuracy or Estimate(np.nan, np.nan, np.nan)
