"""This package's metrics pass; a metric that breaks one rule fails its check."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from keras_wa import metrics
from keras_wa.metrics.bootstrap import cluster_bootstrap_auc
from keras_wa.metrics.calibration import brier_score, log_loss
from keras_wa.metrics.classification import METRIC_NAMES, area_under_roc
from keras_wa.testing import run_metric_test

RANKS = {
    *("auc", "auprc", "sensitivity_at_95_specificity", "specificity_at_95_sensitivity")
}
ONE_CLASS = {
    **dict.fromkeys(("accuracy", "precision", "f1", "brier"), (0, 1)),
    **{"sensitivity": (1,), "specificity": (0,)},
}


@pytest.mark.parametrize("name", METRIC_NAMES)
def test_a_metric_with_its_interval_by_patient_passes(name: str) -> None:
    run_metric_test(
        lambda y, p, groups: metrics.cluster_bootstrap(y, p, groups, 0.5, 100)[name],
        ranks_only=name in RANKS,
        interval=True,
        groups=True,
        one_class=ONE_CLASS.get(name, ()),
    )


@pytest.mark.parametrize("metric", [metrics.auc, cluster_bootstrap_auc])
def test_an_auc_by_patient_passes(metric: Any) -> None:
    run_metric_test(metric, ranks_only=True, interval=True, groups=True)


@pytest.mark.parametrize(
    ("metric", "checks"),
    [
        (metrics.auc, {"ranks_only": True, "interval": True}),
        (area_under_roc, {"ranks_only": True}),
        (metrics.choose_threshold, {}),
        (functools.partial(metrics.choose_threshold, rule="f1"), {}),
        (metrics.fit_temperature, {}),
        (metrics.expected_calibration_error, {"one_class": (0, 1)}),
        (brier_score, {"one_class": (0, 1)}),
        (log_loss, {"one_class": (0, 1)}),
    ],
)
def test_a_metric_passes(metric: Any, checks: dict[str, Any]) -> None:
    run_metric_test(metric, **checks)


@pytest.mark.parametrize(
    ("metric", "checks", "told"),
    [
        (lambda y, p: metrics.auc(y, p).value + p[0], {}, "the order of the ROIs"),
        (brier_score, {"ranks_only": True}, "more than the order of the scores"),
        (brier_score, {}, "for label 0"),
        (area_under_roc, {"one_class": (1,)}, "nan for label 1"),
        (metrics.fit_temperature, {"one_class": (0,)}, "all 0 are refused"),
        (area_under_roc, {"interval": True}, "is not in"),
        (lambda y, p: np.nanmean(p), {"one_class": (0, 1)}, "NaN is accepted"),
        (
            lambda y, p, groups: metrics.auc(y, p),
            {"interval": True, "groups": True},
            "count as independent",
        ),
        (
            lambda y, p, groups: metrics.auc(y, p, groups).value + sum(groups),
            {"groups": True},
            "unsupported operand",
        ),
    ],
)
def test_a_fault_is_named(metric: Any, checks: dict[str, Any], told: str) -> None:
    with pytest.raises((AssertionError, TypeError), match=told):
        run_metric_test(metric, **checks)
