"""Evaluates a table of predictions: metrics, levels, subgroups and references."""

from keras_wa.evaluate.levels import LEVELS, aggregate
from keras_wa.evaluate.references import (
    DESCRIPTORS,
    predict_from_columns,
    reference_lines,
)
from keras_wa.evaluate.result_files import write_results
from keras_wa.evaluate.results import PREDICTION_COLUMNS, evaluate_predictions
from keras_wa.evaluate.subgroups import SUBGROUP_COLUMNS, subgroup_metrics
from keras_wa.evaluate.text import TITLES, format_metrics

__all__ = [
    "DESCRIPTORS",
    "LEVELS",
    "PREDICTION_COLUMNS",
    "SUBGROUP_COLUMNS",
    "TITLES",
    "aggregate",
    "evaluate_predictions",
    "format_metrics",
    "predict_from_columns",
    "reference_lines",
    "subgroup_metrics",
    "write_results",
]
