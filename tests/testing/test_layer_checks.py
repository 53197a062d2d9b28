"""A layer that breaks one rule fails the check of that rule."""

from __future__ import annotations

from typing import Any

import keras
import pytest

from keras_wa.testing import run_layer_test


@keras.saving.register_keras_serializable("tests")
class Scale(keras.layers.Layer):
    """Multiplies by one weight, with a fault."""

    def __init__(self, factor: float = 2.0, fault: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.factor = factor
        self.fault = fault

    def build(self, input_shape: tuple) -> None:
        self.weight = self.add_weight(
            shape=(), initializer="ones", trainable=self.fault != "frozen"
        )

    def call(self, x: Any) -> Any:
        x = x * self.factor * (0 if self.fault == "gradient" else 1) * self.weight
        return keras.ops.cast(x, "float32") if self.fault == "dtype" else x

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (*input_shape, 1) if self.fault == "shape" else input_shape

    def get_config(self) -> dict[str, Any]:
        config = super().get_config() if self.fault != "super" else {}
        own = {} if self.fault == "config" else {"factor": self.factor}
        return {**config, **own, "fault": self.fault}


class Unregistered(Scale):
    """Keras can save it, and cannot load it where nobody has imported it."""


def test_a_layer_without_a_fault_passes() -> None:
    run_layer_test(Scale, {"factor": 3.0}, (2, 4), output_shape=(2, 4))


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("config", "get_config leaves out 'factor'"),
        ("super", "name"),
        ("shape", "symbolic and eager shapes differ"),
        ("gradient", "training moves no weight"),
        ("dtype", "the output is float32, not float16"),
    ],
)
def test_a_fault_is_named(fault: str, told: str) -> None:
    with pytest.raises((AssertionError, KeyError), match=told):
        run_layer_test(Scale, {"fault": fault}, (2, 4))


def test_a_layer_that_is_not_registered_is_named() -> None:
    with pytest.raises(AssertionError, match="not registered"):
        run_layer_test(Unregistered, {}, (2, 4))
