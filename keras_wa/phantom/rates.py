"""How often a kind of lesion is malignant, and the AUC that this allows at best."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from keras_wa.errors import UserError
from keras_wa.phantom.calcifications import is_suspicious
from keras_wa.phantom.spec import PhantomSpec
from keras_wa.phantom.tables import joint_counts

KIND_COLUMNS = ("morphology", "distribution", "density", "rois_per_patient")
"""What makes a kind of lesion; a missing distribution is `""`."""

# Weight of the coarser group's rate in the rate of a finer one, in ROIs.
_PRIOR_ROIS = 4.0


@functools.cache
def kinds() -> pd.DataFrame:
    """Every kind of lesion a phantom draws, with its frequency and malignancy rate.

    The rate of a (type, distribution) is its counted rate, shrunk towards the rate of
    the type, which is shrunk towards the rate of its group (suspicious by BI-RADS or
    typically benign); each prior weighs as much as 4 ROIs. Without that, a kind which
    the lists hold twice would be certain.

    Returns:
        `KIND_COLUMNS`, `count` (ROIs in the lists) and `malignant`, which is
        P(malignant | type, distribution). Do not modify it.
    """
    table = joint_counts()
    # The lists name no type for 24 ROIs and no density for 2: nothing to draw.
    table = table[(table["morphology"] != "") & (table["density"] > 0)]
    table = table.assign(
        hits=table["count"].where(table["pathology"] == "MALIGNANT", 0),
        suspicious=[is_suspicious(name) for name in table["morphology"]],
    )
    rate, prior = pd.Series(0.0, index=table.index), 0.0
    for group in (["suspicious"], ["morphology"], ["morphology", "distribution"]):
        sums = table.groupby(group)[["hits", "count"]].transform("sum")
        rate = (sums["hits"] + prior * rate) / (sums["count"] + prior)
        prior = _PRIOR_ROIS
    merged = (
        table.assign(malignant=rate)
        .groupby(list(KIND_COLUMNS))
        .agg(count=("count", "sum"), malignant=("malignant", "first"))
    )
    return merged.reset_index()


@functools.cache
def _rates() -> dict[tuple[str, str], float]:
    table = kinds()
    pairs = zip(table["morphology"], table["distribution"], strict=True)
    return dict(zip(pairs, table["malignant"], strict=True))


def malignancy_rate(morphology: str, distribution: str) -> float:
    """P(malignant | type, distribution), smoothed as `kinds` says.

    Args:
        morphology: a type of the case lists.
        distribution: a distribution of the case lists, `""` for none.

    Returns:
        The rate, above 0 and below 1.

    Raises:
        UserError: if the lists hold no such lesion.
    """
    try:
        return _rates()[morphology, distribution]
    except KeyError:
        raise UserError(
            "The official case lists hold no lesion of this type and distribution. "
            f"Received: morphology={morphology!r}, distribution={distribution!r}; "
            "use rows of phantom_cases."
        ) from None


def best_possible_auc(spec: PhantomSpec, cases: pd.DataFrame | None = None) -> float:
    """The AUC that no classifier of a phantom set can be expected to exceed.

    For `clinical`, no score is better than P(malignant | type, distribution) itself.
    Its AUC is the chance that a malignant ROI has a higher rate than a benign one, ties
    counted half, and follows exactly from the rates and the frequencies. For
    `descriptor` it is 1.

    Args:
        spec: the set.
        cases: rows of it, whose types and distributions then give the frequencies;
            without them the official case lists do.

    Returns:
        The area under the ROC curve, 0.5 to 1.
    """
    if spec.labelling == "descriptor":
        return 1.0
    if cases is None:
        rate: np.ndarray = kinds()["malignant"].to_numpy()
        weight = kinds()["count"].to_numpy(dtype=np.float64)
    else:
        pairs = zip(cases["morphology"], cases["distribution"].fillna(""), strict=True)
        rate = np.array([malignancy_rate(m, d) for m, d in pairs])
        weight = np.ones(len(rate))
    values, place = np.unique(rate, return_inverse=True)
    mass = np.bincount(place, weight)
    malignant, benign = mass * values, mass * (1 - values)
    lower = np.cumsum(benign) - benign / 2
    return float((malignant * lower).sum() / (malignant.sum() * benign.sum()))
