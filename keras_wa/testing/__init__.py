"""Conformance tests for layers, models, datasets and metrics, also of other packages.

Each raises an `AssertionError` that names the fault; no test framework is needed.
"""

from keras_wa.testing.dataset_checks import run_dataset_test
from keras_wa.testing.layer_checks import run_layer_test
from keras_wa.testing.metric_checks import run_metric_test
from keras_wa.testing.model_checks import run_model_test

__all__ = [
    "run_dataset_test",
    "run_layer_test",
    "run_metric_test",
    "run_model_test",
]
