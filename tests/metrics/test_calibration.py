from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss
from statsmodels.stats.proportion import proportion_confint

from keras_wa.errors import UserError
from keras_wa.metrics.calibration import (
    apply_temperature,
    brier_score,
    expected_calibration_error,
    fit_temperature,
    log_loss,
    reliability_table,
)


def data(seed, n=200, sharpness=1.0):
    """Labels drawn with probability q, and p that is surer than q."""
    rng = np.random.default_rng(seed)
    q = rng.uniform(0.02, 0.98, n)
    return (rng.random(n) < q).astype(int), expit(sharpness * logit(q))


def test_brier_and_log_loss_are_scikit_learns():
    labels, p = data(0)
    assert brier_score(labels, p) == pytest.approx(brier_score_loss(labels, p))
    assert log_loss(labels, p) == pytest.approx(sklearn_log_loss(labels, p))


def test_one_certain_mistake_leaves_the_log_loss_finite():
    assert log_loss([1, 0], [0.0, 0.0]) == pytest.approx(-math.log(1e-7) / 2, rel=1e-6)


@pytest.mark.parametrize(
    ("binning", "strategy"), [("equal-mass", "quantile"), ("equal-width", "uniform")]
)
def test_the_bins_are_those_of_scikit_learn(binning, strategy):
    labels, p = data(1)
    table = reliability_table(labels, p, 10, binning)
    observed, mean = calibration_curve(labels, p, n_bins=10, strategy=strategy)
    assert table["observed"].tolist() == pytest.approx(observed)
    assert table["mean_probability"].tolist() == pytest.approx(mean)
    error = np.sum(table["count"] * np.abs(observed - mean)) / len(p)
    found = expected_calibration_error(labels, p, 10, binning)
    assert found == pytest.approx(error)
    assert table["count"].sum() == len(p)


def test_equal_mass_bins_hold_as_many_rois_each():
    labels, p = data(2)
    table = reliability_table(labels, p)
    assert table["count"].tolist() == [20] * 10
    assert (table["high"][:-1].to_numpy() < table["low"][1:].to_numpy()).all()


def test_equal_probabilities_stay_in_one_bin_whatever_the_order():
    labels, p = data(3)
    p = np.round(p, 1)
    order = np.random.default_rng(0).permutation(len(p))
    table = reliability_table(labels, p)
    assert table.equals(reliability_table(labels[order], p[order]))
    assert (table["high"][:-1].to_numpy() < table["low"][1:].to_numpy()).all()
    constant = reliability_table(labels, np.full(200, 0.3))
    assert constant["count"].tolist() == [200]
    assert expected_calibration_error(labels, np.full(200, 0.3)) == pytest.approx(
        abs(labels.mean() - 0.3)
    )


def test_the_ends_of_equal_width_bins_hold_0_and_1():
    table = reliability_table([0, 0, 1], [0.0, 0.05, 1.0], binning="equal-width")
    assert table["count"].tolist() == [2, 1]


def test_the_wilson_intervals_are_those_of_statsmodels():
    labels, p = data(4)
    for row in reliability_table(labels, p).itertuples():
        positives = round(row.observed * row.count)
        expected = proportion_confint(positives, row.count, method="wilson")
        assert (row.observed_low, row.observed_high) == pytest.approx(expected)


@pytest.mark.parametrize("sharpness", [0.4, 1.0, 3.0])
def test_the_temperature_is_that_of_a_logistic_regression_without_intercept(sharpness):
    labels, p = data(5, sharpness=sharpness)
    model = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10)
    model.fit(logit(p)[:, None], labels)
    found = fit_temperature(labels, p)
    assert found == pytest.approx(1 / model.coef_[0, 0], rel=1e-4)
    # The labels are drawn so that the best temperature is near the sharpness.
    assert found == pytest.approx(sharpness, rel=0.35)


def test_no_other_temperature_has_a_lower_loss():
    labels, p = data(6, sharpness=2.5)
    best = fit_temperature(labels, p)
    reached = log_loss(labels, apply_temperature(p, best))
    assert reached < log_loss(labels, p) - 0.05
    for other in np.geomspace(0.02, 50, 60):
        assert log_loss(labels, apply_temperature(p, other)) >= reached - 1e-9


def test_a_temperature_mends_the_calibration_of_new_data():
    found = fit_temperature(*data(7, n=500, sharpness=3.0))
    labels, p = data(8, n=500, sharpness=3.0)
    mended = apply_temperature(p, found)
    error = expected_calibration_error
    assert error(labels, mended) < 0.5 * error(labels, p)
    assert brier_score(labels, mended) < brier_score(labels, p)


def test_a_temperature_keeps_the_order_and_the_certain():
    p = [0.0, 0.2, 0.5, 0.7, 1.0]
    hot = apply_temperature(p, 4.0)
    assert hot[[0, 2, 4]].tolist() == [0.0, 0.5, 1.0]
    assert (np.diff(hot) > 0).all()
    assert hot[1] == pytest.approx(expit(math.log(0.2 / 0.8) / 4))
    assert apply_temperature(p, 1.0) == pytest.approx(p)


@pytest.mark.parametrize(
    ("labels", "expected"), [([0, 0, 1, 1], 0.01), ([1, 1, 0, 0], 100)]
)
def test_where_no_temperature_is_best_it_is_at_an_end(labels, expected):
    found = fit_temperature(labels, [0.1, 0.4, 0.6, 0.9])
    assert found == pytest.approx(expected, rel=1e-3)


def test_one_class_has_no_temperature():
    with pytest.raises(UserError, match="Received: 2 ROIs, all of class 1; expected"):
        fit_temperature([1, 1], [0.2, 0.9])


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: reliability_table([0, 1], [0.1, 0.9], 0), "n_bins"),
        (lambda: reliability_table([0, 1], [0.1, 0.9], 5, "width"), "binning"),
        (lambda: apply_temperature([0.5], 0.0), "temperature"),
        (lambda: apply_temperature([0.5], math.nan), "temperature"),
        (lambda: brier_score([0, 1], [0.5]), "lengths must be equal"),
        (lambda: log_loss([0, 1], [0.5, math.nan]), "y_score must lie in"),
    ],
)
def test_bad_arguments_are_refused(call, told):
    with pytest.raises(ValueError, match=told):
        call()
