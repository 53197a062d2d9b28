"""Metrics with honest intervals: labels, probabilities and patients in, numbers out."""

from keras_wa.evaluation.baselines import (
    one_number_aucs,
    one_number_aucs_held_out,
    one_number_statistics,
    statistics_of_one,
)
from keras_wa.evaluation.bootstrap import (
    Interval,
    cluster_bootstrap,
    cluster_bootstrap_auc,
)
from keras_wa.evaluation.calibration import (
    apply_temperature,
    expected_calibration_error,
    fit_temperature,
    reliability_table,
)
from keras_wa.evaluation.columns import CASE_COLUMNS
from keras_wa.evaluation.decision_curve import decision_curve
from keras_wa.evaluation.delong import (
    AucEstimate,
    delong,
    delong_interval,
    delong_seeds_test,
    delong_test,
)
from keras_wa.evaluation.froc import (
    FrocCurve,
    FrocEstimate,
    froc_curve,
    froc_estimate,
)
from keras_wa.evaluation.hits import MarkedImage, mark_image
from keras_wa.evaluation.levels import LEVELS, aggregate
from keras_wa.evaluation.metrics import (
    METRIC_NAMES,
    area_under_roc,
    classification_metrics,
)
from keras_wa.evaluation.paired import (
    Difference,
    SeedsEstimate,
    holm,
    mean_over_seeds,
    paired_differences,
)
from keras_wa.evaluation.references import (
    DESCRIPTORS,
    predict_from_columns,
    reference_lines,
)
from keras_wa.evaluation.results import PREDICTION_COLUMNS, evaluate_predictions
from keras_wa.evaluation.subgroups import SUBGROUP_COLUMNS, subgroup_metrics
from keras_wa.evaluation.text import TITLES, format_metrics
from keras_wa.evaluation.three_class import three_class_metrics
from keras_wa.evaluation.threshold import (
    TARGET_RULES,
    THRESHOLD_RULES,
    choose_threshold,
)
from keras_wa.evaluation.writing import write_results

__all__ = [
    "CASE_COLUMNS",
    "DESCRIPTORS",
    "LEVELS",
    "METRIC_NAMES",
    "PREDICTION_COLUMNS",
    "SUBGROUP_COLUMNS",
    "TARGET_RULES",
    "THRESHOLD_RULES",
    "TITLES",
    "AucEstimate",
    "Difference",
    "FrocCurve",
    "FrocEstimate",
    "Interval",
    "MarkedImage",
    "SeedsEstimate",
    "aggregate",
    "apply_temperature",
    "area_under_roc",
    "choose_threshold",
    "classification_metrics",
    "cluster_bootstrap",
    "cluster_bootstrap_auc",
    "decision_curve",
    "delong",
    "delong_interval",
    "delong_seeds_test",
    "delong_test",
    "evaluate_predictions",
    "expected_calibration_error",
    "fit_temperature",
    "format_metrics",
    "froc_curve",
    "froc_estimate",
    "holm",
    "mark_image",
    "mean_over_seeds",
    "one_number_aucs",
    "one_number_aucs_held_out",
    "one_number_statistics",
    "paired_differences",
    "predict_from_columns",
    "reference_lines",
    "reliability_table",
    "statistics_of_one",
    "subgroup_metrics",
    "three_class_metrics",
    "write_results",
]
