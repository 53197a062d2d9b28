"""Metrics of labels and probabilities, with intervals by patient."""

from keras_wa.metrics.bootstrap import cluster_bootstrap
from keras_wa.metrics.calibration import (
    apply_temperature,
    expected_calibration_error,
    fit_temperature,
    reliability_table,
)
from keras_wa.metrics.classification import classification_metrics
from keras_wa.metrics.decision_curve import decision_curve
from keras_wa.metrics.delong import auc, delong_test
from keras_wa.metrics.estimate import Estimate
from keras_wa.metrics.froc import FrocCurve, FrocEstimate, froc_curve, froc_estimate
from keras_wa.metrics.hits import MarkedImage, mark_image
from keras_wa.metrics.paired import (
    Difference,
    SeedsEstimate,
    mean_over_seeds,
    paired_differences,
)
from keras_wa.metrics.prediction_sets import (
    PredictionSets,
    fit_prediction_sets,
    risk_coverage,
    set_coverage,
)
from keras_wa.metrics.threshold import choose_threshold

__all__ = [
    "Difference",
    "Estimate",
    "FrocCurve",
    "FrocEstimate",
    "MarkedImage",
    "PredictionSets",
    "SeedsEstimate",
    "apply_temperature",
    "auc",
    "choose_threshold",
    "classification_metrics",
    "cluster_bootstrap",
    "decision_curve",
    "delong_test",
    "expected_calibration_error",
    "fit_prediction_sets",
    "fit_temperature",
    "froc_curve",
    "froc_estimate",
    "mark_image",
    "mean_over_seeds",
    "paired_differences",
    "reliability_table",
    "risk_coverage",
    "set_coverage",
]
