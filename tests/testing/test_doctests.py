"""The examples of the public checks run."""

from __future__ import annotations

import doctest

import pytest

from keras_wa.testing import (
    dataset_checks,
    layer_checks,
    metric_checks,
    model_checks,
)


@pytest.mark.parametrize(
    "module", [dataset_checks, layer_checks, metric_checks, model_checks]
)
def test_the_example_runs(module) -> None:
    assert doctest.testmod(module).failed == 0
    assert doctest.testmod(module).attempted > 0
