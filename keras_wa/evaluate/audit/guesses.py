"""Scores of predictions without images, with intervals by patient."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike

from keras_wa.evaluate.audit.findings import Score
from keras_wa.metrics import Estimate, cluster_bootstrap

SHORTCUT_AUC = 0.6
"""A shortcut gives a warning if the lower limit of its AUC is above this.

The limit and not the value, to avoid false alarms in small samples; 0.6 and not 0.5,
since in a large dataset a tiny difference between the classes is significant but of
little use to a model.
"""

STRONG_SHORTCUT_AUC = 0.75
"""A shortcut above this is strong.

Radiologists' BI-RADS assessments alone reach about 0.75 on CBIS-DDSM's official test
part: a shortcut with as much can pass for a working model.
"""


def learning_and_test(cases: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Selects training rows (train and val) and test rows.

    Args:
        cases: a case table with its split.

    Returns:
        Two boolean series.
    """
    test = cases["split"] == "test"
    return ~test, test


def why_not_held_out(cases: pd.DataFrame) -> str | None:
    """Returns why training on one part and testing on the other is impossible.

    Args:
        cases: a case table with its split.

    Returns:
        A clause, or None if both parts have both labels.
    """
    parts = dict(zip(("training", "test"), learning_and_test(cases), strict=True))
    for name, rows in parts.items():
        labels = cases.loc[rows, "label"].nunique()
        if labels < 2:
            found = "holds one label only" if labels else "is empty"
            return f"the {name} part of the split {found}"
    return None


def defined(estimate: Estimate) -> Estimate | None:
    """Returns the estimate; None if a part of it is undefined."""
    numbers = (estimate.value, estimate.low, estimate.high)
    return None if any(math.isnan(each) for each in numbers) else estimate


def shortcuts(scores: Iterable[Score]) -> dict[str, Estimate]:
    """Returns the AUCs that give a warning (`SHORTCUT_AUC`), by name of the score."""
    return {
        score.name: score.auc
        for score in scores
        if score.auc is not None and score.auc.low > SHORTCUT_AUC
    }


def at_best(scores: Iterable[Score]) -> str:
    """Returns a clause on the highest AUC, `""` if there is none."""
    aucs = [(score.auc.value, score) for score in scores if score.auc is not None]
    if not aucs:
        return ""
    best = max(aucs, key=lambda each: each[0])[1]
    return f"; at best {best.name}, AUC {best.auc}"


def score_probabilities(
    name: str,
    labels: ArrayLike,
    probabilities: ArrayLike,
    patients: Any,
    resamples: int,
    seed: int,
    how: str = "",
) -> Score:
    """Scores probabilities by AUC, and by accuracy at the threshold 0.5.

    Args:
        name: name of the score.
        labels: shape `(n,)`, 0 or 1.
        probabilities: shape `(n,)`, in [0, 1].
        patients: `n` identifiers.
        resamples: number of resamples of the patients.
        seed: seed of the bootstrap.
        how: protocol in a few words.

    Returns:
        The score with 95 % intervals.
    """
    intervals = cluster_bootstrap(
        labels, probabilities, patients, 0.5, n_resamples=resamples, seed=seed
    )
    return Score(
        name,
        auc=defined(intervals["auc"]),
        accuracy=defined(intervals["accuracy"]),
        how=how,
    )
