"""Calibration of probabilities, and temperature scaling."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from scipy.stats import binomtest, rankdata
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as _log_loss

from keras_wa.errors import UserError
from keras_wa.metrics.arguments import (
    FloatArray,
    as_labels_and_scores,
    as_probabilities,
)

Binning = Literal["equal-mass", "equal-width"]

# A float32 softmax can give exactly 0 and 1, whose logarithms are infinite.
_NEAREST = 1e-7

_TEMPERATURES = (0.01, 100.0)


def brier_score(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Computes the mean squared error of probabilities (Brier 1950); 0 is best."""
    return float(brier_score_loss(*as_labels_and_scores(y_true, y_score)))


def log_loss(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Computes the mean of -log of the true class's probability, in nats.

    Probabilities are clipped to [1e-7, 1 - 1e-7], so that one certain mistake does not
    make the loss infinite.
    """
    y, p = as_labels_and_scores(y_true, y_score)
    return float(_log_loss(y, _inside(p), labels=[0, 1]))


def expected_calibration_error(
    y_true: ArrayLike,
    y_score: ArrayLike,
    n_bins: int = 10,
    binning: Binning = "equal-mass",
) -> float:
    """Computes the expected calibration error (ECE).

    That is the mean distance between the mean probability and the observed share of
    positives of the bins, weighted by their counts. It depends on the bins, so report
    them with it. A perfectly calibrated model has a positive error by chance: about
    0.06 for 326 ROIs in 10 bins.

    Args:
        y_true: labels, shape `(n,)`, 0 or 1.
        y_score: probabilities, shape `(n,)`, in [0, 1].
        n_bins: number of bins, at least 1.
        binning: `"equal-mass"` or `"equal-width"`, see `reliability_table`.

    Returns:
        The error, in [0, 1].

    Raises:
        ValueError: an argument is malformed, or the lengths differ.

    Example:
        >>> from keras_wa.metrics import expected_calibration_error
        >>> y_true, y_score = [0, 0, 1, 1], [0.1, 0.3, 0.6, 0.8]
        >>> round(expected_calibration_error(y_true, y_score, n_bins=2), 3)
        0.25

    Source:
        Naeini et al. 2015, doi:10.1609/aaai.v29i1.9602.
    """
    table = reliability_table(y_true, y_score, n_bins, binning)
    gaps = (table["mean_probability"] - table["observed"]).abs()
    return float(np.average(gaps, weights=table["count"]))


def reliability_table(
    y_true: ArrayLike,
    y_score: ArrayLike,
    n_bins: int = 10,
    binning: Binning = "equal-mass",
) -> pd.DataFrame:
    """Compares probabilities with observed shares of positives in bins.

    Args:
        y_true: labels, shape `(n,)`, 0 or 1.
        y_score: probabilities, shape `(n,)`, in [0, 1].
        n_bins: number of bins, at least 1.
        binning: `"equal-mass"`: the same number of ROIs in each bin, except that equal
            probabilities share a bin; `"equal-width"`: bins of equal width in [0, 1].

    Returns:
        A data frame with one row for each non-empty bin, in rising order: `low` and
        `high` (smallest and largest probability), `count`, `mean_probability`,
        `observed` (share of positives), and `observed_low` and `observed_high` (its
        95 % Wilson interval, for independent ROIs).

    Raises:
        ValueError: an argument is malformed, or the lengths differ.

    Example:
        >>> from keras_wa.metrics import reliability_table
        >>> table = reliability_table([0, 0, 1, 1], [0.1, 0.3, 0.6, 0.8], n_bins=2)
        >>> table["mean_probability"].round(2).tolist(), table["observed"].tolist()
        ([0.2, 0.7], [0.0, 1.0])
    """
    y, p = as_labels_and_scores(y_true, y_score)
    if n_bins < 1:
        raise ValueError(f"n_bins must be at least 1. Received: {n_bins}")
    if binning == "equal-mass":
        place = (rankdata(p) - 0.5) / len(p)
    elif binning == "equal-width":
        place = p
    else:
        raise ValueError(
            f"binning must be 'equal-mass' or 'equal-width'. Received: {binning!r}"
        )
    bins = np.minimum((place * n_bins).astype(int), n_bins - 1)
    rows = pd.DataFrame({"bin": bins, "p": p, "y": y}).groupby("bin")
    counts, positives = rows["y"].size(), rows["y"].sum()
    shares = [
        binomtest(positive, count).proportion_ci(method="wilson")
        for positive, count in zip(positives, counts, strict=True)
    ]
    return pd.DataFrame(
        {
            "low": rows["p"].min(),
            "high": rows["p"].max(),
            "count": counts,
            "mean_probability": rows["p"].mean(),
            "observed": positives / counts,
            "observed_low": [each.low for each in shares],
            "observed_high": [each.high for each in shares],
        }
    ).reset_index(drop=True)


def fit_temperature(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Fits the temperature T that minimises the log loss of `sigmoid(logit(p) / T)`.

    For two classes the softmax of the logits over T is the sigmoid of their difference
    over T, so that probabilities suffice. T > 1 lowers the confidence of the model. The
    order of the ROIs, and so the AUC, does not change.

    Args:
        y_true: labels of the validation set, shape `(n,)`, 0 or 1.
        y_score: probabilities, shape `(n,)`, in [0, 1]; clipped to [1e-7, 1 - 1e-7].

    Returns:
        T, in [0.01, 100]. It is at a limit if the loss has no minimum: if the
        probabilities separate the classes, or do not rise with the label.

    Raises:
        UserError: there is only one class.
        ValueError: the inputs are malformed or differ in length.

    Example:
        >>> from keras_wa.metrics import fit_temperature
        >>> y_true = [0, 1, 0, 0, 1, 1, 0, 1]  # 3 of 4 are right, at 99 %
        >>> y_score = [0.01, 0.01, 0.01, 0.01, 0.99, 0.99, 0.99, 0.99]
        >>> round(fit_temperature(y_true, y_score), 2)
        4.18

    Source:
        Guo et al. 2017, arXiv:1706.04599.
    """
    y, p = as_labels_and_scores(y_true, y_score)
    if y.min() == y.max():
        raise UserError(
            f"A temperature needs both classes. Received: {len(y)} ROIs, all of class "
            f"{y[0]}; expected a larger validation set."
        )
    logits = logit(_inside(p))

    def loss(log_sharpness: float) -> float:
        # log(1 + exp(-z)), z the scaled logit of the true class, which is stable.
        scaled = np.exp(log_sharpness) * logits * (2 * y - 1)
        return float(np.logaddexp(0, -scaled).mean())

    # The loss is convex in 1 / T, so it has one minimum in log(1 / T) too.
    ends = -np.log(_TEMPERATURES)[::-1]
    found = minimize_scalar(
        loss, bounds=tuple(ends), method="bounded", options={"xatol": 1e-8}
    )
    return float(np.exp(-found.x))


def apply_temperature(y_score: ArrayLike, temperature: float) -> FloatArray:
    """Calibrates probabilities by a temperature: `sigmoid(logit(p) / T)`.

    Args:
        y_score: probabilities, shape `(n,)`, in [0, 1]; 0 and 1 do not change.
        temperature: T, above 0.

    Returns:
        The calibrated probabilities, float64 of shape `(n,)`.

    Raises:
        ValueError: an argument is malformed.

    Example:
        >>> from keras_wa.metrics import apply_temperature
        >>> apply_temperature([0.01, 0.5, 0.99], temperature=4.18).round(2).tolist()
        [0.25, 0.5, 0.75]

    Source:
        Guo et al. 2017, arXiv:1706.04599.
    """
    if not 0 < temperature < np.inf:
        raise ValueError(f"temperature must be above 0. Received: {temperature}")
    return np.asarray(expit(logit(as_probabilities(y_score)) / temperature))


def _inside(p: FloatArray) -> FloatArray:
    return np.clip(p, _NEAREST, 1 - _NEAREST)
