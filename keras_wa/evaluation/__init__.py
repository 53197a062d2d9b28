"""Metrics with honest intervals: labels, probabilities and patients in, numbers out."""

from keras_wa.evaluation.baselines import (
    one_number_aucs,
    one_number_aucs_held_out,
    one_number_statistics,
)
from keras_wa.evaluation.bootstrap import (
    Interval,
    cluster_bootstrap,
    cluster_bootstrap_auc,
)
from keras_wa.evaluation.metrics import (
    METRIC_NAMES,
    area_under_roc,
    classification_metrics,
)
from keras_wa.evaluation.references import DESCRIPTORS, predict_from_columns
from keras_wa.evaluation.results import (
    PREDICTION_COLUMNS,
    evaluate_predictions,
    format_metrics,
    write_results,
)
from keras_wa.evaluation.threshold import THRESHOLD_RULES, choose_threshold

__all__ = [
    "DESCRIPTORS",
    "METRIC_NAMES",
    "PREDICTION_COLUMNS",
    "THRESHOLD_RULES",
    "Interval",
    "area_under_roc",
    "choose_threshold",
    "classification_metrics",
    "cluster_bootstrap",
    "cluster_bootstrap_auc",
    "evaluate_predictions",
    "format_metrics",
    "one_number_aucs",
    "one_number_aucs_held_out",
    "one_number_statistics",
    "predict_from_columns",
    "write_results",
]
