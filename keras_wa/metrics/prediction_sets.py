"""Conformal prediction sets with a guaranteed coverage of each class, by patient.

Also selective classification: the error rate if uncertain ROIs are not classified.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import logit

from keras_wa.metrics.arguments import (
    FloatArray,
    IntArray,
    as_group_codes,
    as_labels_and_scores,
    as_probabilities,
    require_equal_lengths,
)
from keras_wa.metrics.bootstrap import percentile_interval
from keras_wa.metrics.estimate import Estimate
from keras_wa.metrics.resampling import resampled_sums

SET_NAMES = ("benign", "malignant", "both", "none")
"""Names of prediction sets; with both classes or none an ROI is indeterminate."""

FEWEST_PATIENTS = 10
"""With fewer patients of a class, its coverage has no guarantee."""
_ROUNDING = 1e-9
# Log odds; those of 0 and 1 are infinite.
_MOST_CERTAIN = 30.0


@dataclass(frozen=True)
class PredictionSets:
    """Prediction sets: the classes that an ROI's probability does not exclude.

    `fit_prediction_sets` computes the limits. A class with too few calibration patients
    is never excluded.

    Attributes:
        coverage: guaranteed coverage of each class.
        benign_up_to: benign is in the set up to this probability of malignant.
        malignant_from: malignant is in the set from this probability.
        benign_patients: number of calibration patients with a benign ROI.
        malignant_patients: number of calibration patients with a malignant ROI.

    Example:
        >>> from keras_wa.metrics import PredictionSets
        >>> sets = PredictionSets(0.9, 0.7, 0.4, 120, 80)
        >>> sets.names([0.1, 0.5, 0.9])
        ['benign', 'both', 'malignant']
    """

    coverage: float
    benign_up_to: float
    malignant_from: float
    benign_patients: int
    malignant_patients: int

    def __post_init__(self) -> None:
        shares = (self.coverage, self.benign_up_to, self.malignant_from)
        if not all(
            isinstance(each, (int, float)) and 0 <= each <= 1 for each in shares
        ):
            raise ValueError(f"prediction sets must have shares. Received: {shares}")

    @property
    def caveat(self) -> str:
        """Why the coverage has no guarantee; `""` if it has one."""
        least = max(FEWEST_PATIENTS, math.ceil(_patients_needed(self.coverage)))
        if min(self.benign_patients, self.malignant_patients) >= least:
            return ""
        return (
            f"The prediction sets have no guaranteed coverage: {self.benign_patients} "
            f"patients of the validation part have a benign ROI and "
            f"{self.malignant_patients} a malignant one; at least {least} of each are "
            "needed."
        )

    def contain(self, y_score: ArrayLike) -> NDArray[np.bool_]:
        """Returns which classes the sets contain.

        Args:
            y_score: probabilities of malignant, shape `(n,)`.

        Returns:
            bool of shape `(n, 2)`: benign, malignant.

        Raises:
            ValueError: the probabilities are malformed.
        """
        p = as_probabilities(y_score)
        return np.stack([p <= self.benign_up_to, p >= self.malignant_from], axis=1)

    def names(self, y_score: ArrayLike) -> list[str]:
        """Returns the set of each ROI: `benign`, `malignant`, `both` or `none`.

        Args:
            y_score: probabilities of malignant, shape `(n,)`.

        Raises:
            ValueError: the probabilities are malformed.
        """
        names = np.array([["none", "malignant"], ["benign", "both"]])
        benign, malignant = self.contain(y_score).T.astype(int)
        return list(map(str, names[benign, malignant]))


def fit_prediction_sets(
    y_true: ArrayLike, y_score: ArrayLike, groups: Any, coverage: float = 0.9
) -> PredictionSets:
    """Fits prediction sets that contain the true class with a guaranteed probability.

    The guarantee is for each class: for an ROI of this class, drawn at random from
    those of a new patient of the same population, the set contains the class with at
    least this probability, on average over calibration sets, and with at most about
    1 / (K + 1) more for K patients of the class. It needs no assumption on the
    probabilities, but the calibration ROIs must not have been used for training.

    ROIs of a patient depend on each other, so the patient is the unit: with K patients
    of a class, each has the weight 1 / (K + 1), shared equally by its ROIs. A class is
    excluded if the ROIs whose probability of the class is not higher have, with
    1 / (K + 1) more, a weight of at most 1 - coverage.

    Args:
        y_true: labels of the calibration ROIs, shape `(n,)`, 0 or 1.
        y_score: probabilities of malignant, shape `(n,)`, in [0, 1].
        groups: `n` patient identifiers.
        coverage: coverage of each class, in (0, 1).

    Returns:
        The sets. A class with fewer than `1 / (1 - coverage) - 1` patients is never
        excluded; with that few, or fewer than ten, `caveat` says that there is no
        guarantee.

    Raises:
        ValueError: an argument is malformed, or the lengths differ.

    Example:
        >>> import numpy as np
        >>> from keras_wa.metrics import fit_prediction_sets
        >>> rng = np.random.default_rng(0)
        >>> y_true = np.arange(400) % 2
        >>> y_score = 1 / (1 + np.exp(-rng.normal(4 * y_true - 2)))
        >>> sets = fit_prediction_sets(y_true, y_score, groups=np.arange(400) // 2)
        >>> sets.names([0.05, 0.5, 0.95])
        ['benign', 'none', 'malignant']

    Source:
        Vovk 2012, arXiv:1209.2673 (conditional on the class); Lee, Barber & Willett
        2023, arXiv:2306.06342 (clusters).
    """
    y, p = as_labels_and_scores(y_true, y_score)
    codes, _ = as_group_codes(groups)
    require_equal_lengths(y_score=p, groups=codes)
    if not 0 < coverage < 1:
        raise ValueError(f"coverage must lie in (0, 1). Received: {coverage}")
    benign, malignant = y == 0, y == 1
    lowest, patients = {}, {}
    for label, rows, of_class in ((0, benign, 1 - p), (1, malignant, p)):
        lowest[label], patients[label] = _lowest(of_class[rows], codes[rows], coverage)
    # Rounding of 1 - p must not exclude the ROI that sets the limit.
    up_to = p[benign & (1 - p >= lowest[0])].max() if lowest[0] > 0 else 1.0
    return PredictionSets(
        coverage, float(up_to), float(lowest[1]), patients[0], patients[1]
    )


def _patients_needed(coverage: float) -> float:
    return 1 / (1 - coverage) - 1 - _ROUNDING


def _lowest(p: FloatArray, codes: IntArray, coverage: float) -> tuple[float, int]:
    """Returns the lowest probability at which the class is in the set, and the number
    of its patients."""
    _, codes, sizes = np.unique(codes, return_inverse=True, return_counts=True)
    patients = len(sizes)
    # The weight below a probability that excludes the class, in patients.
    excluded = (1 - coverage) * (patients + 1) - 1
    if excluded < -_ROUNDING:
        return 0.0, patients
    order = np.argsort(p)
    weights = np.cumsum(1 / sizes[codes[order]])
    # Equal probabilities are excluded together or not at all.
    last_of_equal = np.searchsorted(p[order], p[order], side="right") - 1
    included = weights[last_of_equal] > excluded + _ROUNDING
    return float(p[order][included.argmax()]), patients


def set_coverage(
    y_true: ArrayLike,
    y_score: ArrayLike,
    groups: Any,
    sets: PredictionSets,
    n_resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Estimate]:
    """Measures the coverage of prediction sets, and the share of indeterminate ones.

    Args:
        y_true: labels of the test ROIs, shape `(n,)`, 0 or 1.
        y_score: probabilities of malignant, shape `(n,)`, in [0, 1].
        groups: `n` patient identifiers.
        sets: the prediction sets, from `fit_prediction_sets`.
        n_resamples: number of bootstrap resamples.
        seed: seed of the resampling.
        confidence: nominal coverage of the intervals, in (0, 1).

    Returns:
        `benign` and `malignant`: the share of the class's ROIs whose set contains it,
        with the same weight for each patient. `indeterminate`: the share of all ROIs
        whose set has both classes or none. Each is an `Estimate` with a patient-cluster
        bootstrap interval, NaN for a class without ROIs.

    Raises:
        ValueError: an argument is malformed, or the lengths differ.

    Example:
        >>> from keras_wa.metrics import PredictionSets, set_coverage
        >>> sets = PredictionSets(0.9, 0.7, 0.4, 120, 80)
        >>> y_true, patients = [0, 0, 1, 1, 1], ["a", "b", "c", "c", "d"]
        >>> found = set_coverage(y_true, [0.1, 0.8, 0.3, 0.9, 0.6], patients, sets)
        >>> found["malignant"].value, found["indeterminate"].value
        (0.75, 0.2)
    """
    y, p = as_labels_and_scores(y_true, y_score)
    codes, n_groups = as_group_codes(groups)
    require_equal_lengths(y_score=p, groups=codes)
    benign, malignant = sets.contain(p).T

    def by_patient(label: int) -> FloatArray:
        rows = y == label
        sizes = np.bincount(codes[rows], minlength=n_groups)
        return np.asarray(rows / np.maximum(sizes, 1)[codes])

    shares = {
        "benign": (benign, by_patient(0)),
        "malignant": (malignant, by_patient(1)),
        "indeterminate": (benign == malignant, np.ones(len(y))),
    }
    rows = [
        each for hits, weight in shares.values() for each in (hits * weight, weight)
    ]
    sums, resampled = resampled_sums(np.stack(rows), codes, n_resamples, seed)
    found = {}
    with np.errstate(invalid="ignore"):
        for i, name in enumerate(shares):
            (hit, total), drawn = sums[2 * i : 2 * i + 2], resampled[2 * i : 2 * i + 2]
            found[name] = percentile_interval(
                float(hit.sum() / total.sum()),
                drawn[0] / drawn[1],
                int((total > 0).sum()),
                confidence,
            )
    return found


def risk_coverage(
    y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5
) -> pd.DataFrame:
    """Computes the error rate if only the most certain ROIs are classified.

    The certainty of an ROI is the distance of its log odds from the threshold's. ROIs
    of equal certainty are classified together.

    Args:
        y_true: labels, shape `(n,)`, 0 or 1.
        y_score: probabilities, shape `(n,)`, in [0, 1].
        threshold: decision threshold, in (0, 1); positive if `y_score >= threshold`.

    Returns:
        A data frame with one row for each certainty, the highest first: `coverage`
        (share of the ROIs that are classified) and `risk` (their error rate).

    Raises:
        ValueError: an argument is malformed, or the lengths differ.

    Example:
        >>> from keras_wa.metrics import risk_coverage
        >>> curve = risk_coverage([0, 1, 1, 0], [0.1, 0.8, 0.4, 0.45])
        >>> curve["coverage"].tolist(), curve["risk"].round(2).tolist()
        ([0.25, 0.5, 0.75, 1.0], [0.0, 0.0, 0.33, 0.25])

    Source:
        El-Yaniv & Wiener 2010, "On the foundations of noise-free selective
        classification", JMLR 11.
    """
    y, p = as_labels_and_scores(y_true, y_score)
    if not 0 < threshold < 1:
        raise ValueError(f"threshold must lie in (0, 1). Received: {threshold}")
    with np.errstate(divide="ignore"):
        certainty = np.abs(logit(p) - logit(threshold))
    certainty = np.minimum(certainty, _MOST_CERTAIN)
    order = np.argsort(-certainty, kind="stable")
    wrong = np.cumsum(((p >= threshold) != (y == 1))[order])
    classified = np.arange(1, len(y) + 1)
    last_of_equal = np.append(np.diff(certainty[order]) != 0, True)
    return pd.DataFrame(
        {
            "coverage": (classified / len(y))[last_of_equal],
            "risk": (wrong / classified)[last_of_equal],
        }
    )
