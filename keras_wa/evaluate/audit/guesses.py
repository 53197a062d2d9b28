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
    """Selects training rows (train and val) and test rows, two boolean series."""
    test = cases["split"] == "test"
    return ~test, test


def why_not_held_out(cases: pd.DataFrame) -> str | None:
    """Returns why training or testing is impossible; None with both labels."""
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


def highest_auc(scores: Iterable[Score]) -> str:
    """Returns a clause on the highest AUC, `""` if there is none."""
    aucs = {score.name: score.auc for score in scores if score.auc is not None}
    if not aucs:
        return ""
    best = max(aucs, key=lambda name: aucs[name].value)
    return f"; at best {best}, AUC {aucs[best]}"


def score_probabilities(
    name: str,
    labels: ArrayLike,
    probabilities: ArrayLike,
    patients: Any,
    resamples: int,
    seed: int,
    how: str = "",
) -> Score:
    """Scores probabilities by AUC, and by accuracy at 0.5, with 95 % intervals."""
    found = cluster_bootstrap(labels, probabilities, patients, 0.5, resamples, seed)
    return Score(name, defined(found["auc"]), defined(found["accuracy"]), how)
