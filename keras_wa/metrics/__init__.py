"""Metrics with honest intervals: labels, probabilities and patients in, numbers out."""

from keras_wa.metrics.baselines import (
    one_number_aucs,
    one_number_aucs_held_out,
    one_number_statistics,
    statistics_of_one,
)
from keras_wa.metrics.bootstrap import (
    cluster_bootstrap,
    cluster_bootstrap_auc,
)
from keras_wa.metrics.calibration import (
    apply_temperature,
    expected_calibration_error,
    fit_temperature,
    reliability_table,
)
from keras_wa.metrics.classification import (
    METRIC_NAMES,
    area_under_roc,
    classification_metrics,
)
from keras_wa.metrics.decision_curve import decision_curve
from keras_wa.metrics.delong import (
    auc,
    delong,
    delong_seeds_test,
    delong_test,
)
from keras_wa.metrics.estimate import Estimate
from keras_wa.metrics.froc import FrocCurve, FrocEstimate, froc_curve, froc_estimate
from keras_wa.metrics.hits import MarkedImage, mark_image
from keras_wa.metrics.paired import (
    Difference,
    SeedsEstimate,
    holm,
    mean_over_seeds,
    paired_differences,
)
from keras_wa.metrics.three_class import three_class_metrics
from keras_wa.metrics.threshold import TARGET_RULES, THRESHOLD_RULES, choose_threshold

__all__ = [
    "METRIC_NAMES",
    "TARGET_RULES",
    "THRESHOLD_RULES",
    "Difference",
    "Estimate",
    "FrocCurve",
    "FrocEstimate",
    "MarkedImage",
    "SeedsEstimate",
    "apply_temperature",
    "area_under_roc",
    "auc",
    "choose_threshold",
    "classification_metrics",
    "cluster_bootstrap",
    "cluster_bootstrap_auc",
    "decision_curve",
    "delong",
    "delong_seeds_test",
    "delong_test",
    "expected_calibration_error",
    "fit_temperature",
    "froc_curve",
    "froc_estimate",
    "holm",
    "mark_image",
    "mean_over_seeds",
    "one_number_aucs",
    "one_number_aucs_held_out",
    "one_number_statistics",
    "paired_differences",
    "reliability_table",
    "statistics_of_one",
    "three_class_metrics",
]
