"""Whether probabilities mean what they say, and one number that mends them."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from scipy.stats import rankdata
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as _log_loss

from keras_wa.errors import UserError
from keras_wa.metrics.inputs import (
    FloatArray,
    IntArray,
    as_labels,
    as_probabilities,
    require_equal_lengths,
)

Binning = Literal["equal-mass", "equal-width"]

# A float32 softmax gives 0 and 1 themselves, of which the logarithm is infinite.
_NEAREST = 1e-7

_TEMPERATURES = (0.01, 100.0)


def brier_score(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Mean squared error of the probabilities (Brier 1950), in [0, 1]; 0 is best.

    Args:
        y_true: shape `(n,)`, 0 or 1.
        y_score: shape `(n,)`, in [0, 1].

    Raises:
        ValueError: if the inputs are malformed or differ in length.
    """
    return float(brier_score_loss(*_checked(y_true, y_score)))


def log_loss(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Mean of -log of what was given to the true class, in nats; 0 is best.

    Args:
        y_true: shape `(n,)`, 0 or 1.
        y_score: shape `(n,)`, in [0, 1]; held within 1e-7 of either end, so that
            one certain mistake does not make it infinite.

    Raises:
        ValueError: if the inputs are malformed or differ in length.
    """
    y, p = _checked(y_true, y_score)
    return float(_log_loss(y, _inside(p), labels=[0, 1]))


def expected_calibration_error(
    y_true: ArrayLike,
    y_score: ArrayLike,
    n_bins: int = 10,
    binning: Binning = "equal-mass",
) -> float:
    """Mean distance between the bins' mean probability and observed share (ECE).

    Weighted by the bins' counts (Naeini et al. 2015, doi:10.1609/aaai.v29i1.9602). It
    depends on the bins, which therefore have to be stated, and chance alone makes it
    positive: about 0.06 for 326 ROIs in 10 bins, were the model calibrated perfectly.

    Args:
        y_true: shape `(n,)`, 0 or 1.
        y_score: shape `(n,)`, in [0, 1].
        n_bins: number of bins, at least 1.
        binning: as in `reliability_table`.

    Returns:
        The error, in [0, 1].

    Raises:
        ValueError: if an argument is malformed or the lengths differ.
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
    """Compares what was predicted with what came, bin by bin.

    Args:
        y_true: shape `(n,)`, 0 or 1.
        y_score: shape `(n,)`, in [0, 1].
        n_bins: number of bins, at least 1.
        binning: `"equal-mass"`: the same number of ROIs in each bin, as far as equal
            probabilities, which stay together, allow; `"equal-width"`: [0, 1] cut into
            equal parts.

    Returns:
        One row for each bin that is not empty, from low to high: `low` and `high` (the
        least and the greatest probability in it), `count`, `mean_probability`,
        `observed` (share of positives), `observed_low` and `observed_high` (its 95 %
        Wilson interval, which takes ROIs as independent).

    Raises:
        ValueError: if an argument is malformed or the lengths differ.
    """
    # It takes a second to import, and only this table needs it.
    from statsmodels.stats.proportion import proportion_confint

    y, p = _checked(y_true, y_score)
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
    low, high = proportion_confint(positives, counts, method="wilson")
    return pd.DataFrame(
        {
            "low": rows["p"].min(),
            "high": rows["p"].max(),
            "count": counts,
            "mean_probability": rows["p"].mean(),
            "observed": positives / counts,
            "observed_low": low,
            "observed_high": high,
        }
    ).reset_index(drop=True)


def fit_temperature(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Fits the temperature T that minimises the log loss of sigmoid(logit(p) / T).

    Guo et al. 2017 (arXiv:1706.04599). Of two classes, softmax of the outputs over T is
    sigmoid of the logit over T, so probabilities suffice. T > 1 makes an overconfident
    model less sure. It leaves the order of the ROIs, hence the AUC, as it is.

    Args:
        y_true: shape `(n,)`, 0 or 1, of the validation set: fitted on the test set, it
            would flatter.
        y_score: shape `(n,)`, in [0, 1]; held within 1e-7 of either end.

    Returns:
        T, within [0.01, 100]. It is at an end where no T is best: where the classes
        are apart, or where the probabilities tell nothing or the contrary.

    Raises:
        UserError: if there is one class only.
        ValueError: if the inputs are malformed or differ in length.
    """
    y, p = _checked(y_true, y_score)
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


def apply_temperature(probabilities: ArrayLike, temperature: float) -> FloatArray:
    """Scales probabilities: sigmoid(logit(p) / T).

    Args:
        probabilities: shape `(n,)`, in [0, 1]; 0 and 1 stay what they are.
        temperature: T, above 0.

    Returns:
        The probabilities, float64 of shape `(n,)`, in the same order of size.

    Raises:
        ValueError: if an argument is malformed.
    """
    if not 0 < temperature < np.inf:
        raise ValueError(f"temperature must be above 0. Received: {temperature}")
    return np.asarray(expit(logit(as_probabilities(probabilities)) / temperature))


def _inside(p: FloatArray) -> FloatArray:
    return np.clip(p, _NEAREST, 1 - _NEAREST)


def _checked(y_true: ArrayLike, y_score: ArrayLike) -> tuple[IntArray, FloatArray]:
    y, p = as_labels(y_true), as_probabilities(y_score)
    require_equal_lengths(y_true=y, y_score=p)
    return y, p
