"""Scores of guesses that use no image, with intervals by patient."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike

from keras_wa.evaluate.audit.findings import Score
from keras_wa.metrics import Estimate, cluster_bootstrap

SHORTCUT_AUC = 0.6
"""A shortcut is worth a warning when the lower end of its AUC lies above this.

The end of the interval is asked and not the value, so that small samples raise no
alarm; 0.6 and not 0.5, since a tiny real difference between the classes will be
significant in a large data set without helping a model much.
"""

STRONG_SHORTCUT_AUC = 0.75
"""Above this a shortcut is strong.

BI-RADS assessments of radiologists alone reach about 0.75 on CBIS-DDSM's official test
part: what reaches as much without looking at the lesion can pass for a working model.
"""


def learning_and_test(cases: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Tells which rows are learnt from (train and val) and which are tested on.

    Args:
        cases: a case table with its split.

    Returns:
        Two boolean series.
    """
    test = cases["split"] == "test"
    return ~test, test


def why_not_held_out(cases: pd.DataFrame) -> str | None:
    """Says why nothing can be learnt on one part and tested on the other, if so.

    Args:
        cases: a case table with its split.

    Returns:
        A clause, or `None` if both parts hold both labels.
    """
    parts = dict(zip(("training", "test"), learning_and_test(cases), strict=True))
    for name, rows in parts.items():
        labels = cases.loc[rows, "label"].nunique()
        if labels < 2:
            found = "holds one label only" if labels else "is empty"
            return f"the {name} part of the split {found}"
    return None


def defined(estimate: Estimate) -> Estimate | None:
    """The estimate; `None` if any of it is undefined."""
    numbers = (estimate.value, estimate.low, estimate.high)
    return None if any(math.isnan(each) for each in numbers) else estimate


def shortcuts(scores: Iterable[Score]) -> dict[str, Estimate]:
    """The AUCs that are worth a warning (`SHORTCUT_AUC`), by name of the score."""
    return {
        score.name: score.auc
        for score in scores
        if score.auc is not None and score.auc.low > SHORTCUT_AUC
    }


def at_best(scores: Iterable[Score]) -> str:
    """A clause on the greatest AUC, `""` if there is none."""
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
    """Scores probabilities by AUC and by accuracy at the cut 0.5.

    Args:
        name: of the score.
        labels: shape `(n,)`, 0 or 1.
        probabilities: shape `(n,)`, in [0, 1].
        patients: `n` identifiers.
        resamples: of the bootstrap by patient.
        seed: of the bootstrap.
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
