"""Frequencies and malignancy rates of kinds of lesions, and the best possible AUC.

The counts come from the calcification case lists of CBIS-DDSM (Lee et al., The Cancer
Imaging Archive, doi:10.7937/K9/TCIA.2016.7O02S9CY, CC BY 3.0), without images;
`tests/phantom/test_rates.py` counts them again.
"""

from __future__ import annotations

import functools
from importlib import resources

import numpy as np
import pandas as pd

from keras_wa.errors import UserError
from keras_wa.phantom.calcifications import is_suspicious
from keras_wa.phantom.spec import PhantomSpec

KIND_COLUMNS = ("morphology", "distribution", "density", "rois_per_patient")
"""The columns that define a kind of lesion; a missing distribution is `""`."""

# Weight of a coarser group's rate in that of a finer one, in ROIs.
_PRIOR_ROIS = 4.0


@functools.cache
def joint_counts() -> pd.DataFrame:
    """Returns ROIs by type, distribution, density, pathology, view, ROIs per patient.

    A missing type or distribution is `""`. Do not modify the table.
    """
    return _embedded("joint_counts.csv")


@functools.cache
def other_counts() -> pd.DataFrame:
    """Returns counts of further properties, with columns `table, given, value, count`.

    Tables: `assessment` given the pathology, `subtlety`, `breast`, `views` of a lesion
    (`CC+MLO`, `CC`, `MLO`) given the patient's number of ROIs, and whether a further
    lesion of a patient has the type and distribution of the first (`same_kind`) and its
    breast (`same_breast`). Do not modify the table.
    """
    return _embedded("other_counts.csv")


def _embedded(name: str) -> pd.DataFrame:
    source = resources.files("keras_wa.phantom") / name
    with source.open(encoding="utf-8") as file:
        return pd.read_csv(file, keep_default_na=False)


@functools.cache
def kinds() -> pd.DataFrame:
    """Returns all kinds of lesions of a phantom with frequency and malignancy rate.

    The rate of a (type, distribution) is its observed rate, shrunk towards the rate of
    the type, which is shrunk towards the rate of its group (suspicious by BI-RADS or
    typically benign), each with a prior weight of 4 ROIs. Without shrinkage, the rate
    of a kind with two ROIs could be 0 or 1. Do not modify the table.
    """
    table = joint_counts()
    # 24 ROIs of the lists have no type, 2 no density.
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
    """Returns P(malignant | type, distribution), see `kinds`.

    Raises:
        UserError: the case lists have no such lesion.
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
    """Computes the largest expected AUC of any classifier on a phantom set.

    With the labelling `"clinical"` the best score is P(malignant | type, distribution)
    itself; its AUC follows exactly from rates and frequencies. With `"descriptor"` it
    is 1.

    Args:
        spec: the phantom set.
        cases: rows of `phantom_cases(spec, ...)`, for their frequencies; None for the
            frequencies of the case lists of CBIS-DDSM.

    Returns:
        The area under the ROC curve, in [0.5, 1].

    Example:
        >>> from keras_wa.phantom import PhantomSpec, best_possible_auc
        >>> best_possible_auc(PhantomSpec(labelling="descriptor"))
        1.0
        >>> 0.5 < best_possible_auc(PhantomSpec(labelling="clinical")) < 1
        True
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
