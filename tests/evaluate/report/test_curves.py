"""The curves are scikit-learn's, and their marks lie on them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from sklearn import metrics

from keras_wa.evaluate.pages import to_png
from keras_wa.evaluate.report import curves
from tests.evaluate.report.records import results, table


@pytest.fixture(scope="module")
def cases():
    return table()


@pytest.fixture(scope="module")
def found():
    return results()


def test_the_area_under_the_roc_curve_is_the_auc(cases, found):
    curve, point = curves.roc_plot(found, cases).series
    auc = metrics.roc_auc_score(cases["label"], cases["probability"])
    assert metrics.auc(curve.x, curve.y) == pytest.approx(auc, abs=0.003)
    called = cases["probability"] >= 0.5
    assert point.y == [pytest.approx(called[cases["label"] == 1].mean())]
    assert point.x == [pytest.approx(called[cases["label"] == 0].mean())]


def test_the_precision_recall_curve_starts_at_the_share_of_malignant_rois(cases, found):
    curve, guess, point = curves.precision_recall_plot(found, cases).series
    share = cases["label"].mean()
    assert guess.y == [share, share]
    # Called malignant, one and all.
    assert (curve.x[0], curve.y[0]) == (1.0, pytest.approx(share))
    called = cases["probability"] >= 0.5
    assert point.y == [pytest.approx(cases["label"][called].mean())]
    silent = results()  # It calls nothing malignant.
    silent["metrics"]["precision"]["value"] = None
    assert len(curves.precision_recall_plot(silent, cases).series) == 2


def test_reliability_has_a_point_a_bin_before_and_after_the_temperature(cases, found):
    before, after = curves.reliability_plot(found).series
    for series in (before, after):
        assert len(series.x) == 10
        assert not series.joined
        assert (np.asarray(series.low) <= series.y).all()
        assert (np.asarray(series.high) >= series.y).all()
    # Bins of equally many: their means are the whole's.
    assert np.mean(before.x) == pytest.approx(cases["probability"].mean())
    assert np.mean(after.y) == pytest.approx(cases["label"].mean())
    assert "temperature" in after.name
    calibration = {**found["calibration"], "temperature": None}
    plot = curves.reliability_plot({**found, "calibration": calibration})
    assert [each.name.split(",")[0] for each in plot.series] == ["as predicted"]


def test_the_decision_curve_shows_the_two_that_need_no_model(found, cases):
    plot = curves.decision_plot(found)
    assert [each.name for each in plot.series][2:] == [
        "act on every ROI",
        "act on none",
    ]
    assert max(plot.series[2].y) <= cases["label"].mean() <= plot.y_range[1]
    assert set(plot.series[3].y) == {0}


def test_selective_classification_ends_at_the_error_rate(cases, found):
    plot = curves.risk_coverage_plot(found, cases)
    assert plot is not None
    wrong = (cases["probability"] >= 0.5) != cases["label"]
    assert (plot.series[0].x[-1], plot.series[0].y[-1]) == (1, wrong.mean())
    at_zero = {**found, "threshold": {**found["threshold"], "value": 0.0}}
    assert curves.risk_coverage_plot(at_zero, cases) is None


def test_every_plot_is_drawn(cases, found):
    drawn = curves.plots(found, cases)
    titles = ["ROC curve", "Precision and sensitivity", "Reliability", "Decision curve"]
    assert [plot.title for plot in drawn] == titles
    benign = cases[cases["label"] == 0]
    assert [plot.title for plot in curves.plots(found, benign)] == titles[2:]
    for plot in drawn:
        png = np.frombuffer(to_png(plot.draw()), np.uint8)
        picture = cv2.imdecode(png, cv2.IMREAD_COLOR)
        assert (picture.std(axis=-1) > 20).mean() > 0.002, plot.title
