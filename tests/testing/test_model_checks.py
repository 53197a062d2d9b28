"""A builder that breaks one rule fails the check of that rule."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from keras import layers

from keras_wa.testing import run_model_test


def _cubed(logits: Any) -> Any:
    return keras.ops.softmax((100 * logits) ** 3)


ACTIVATIONS: dict[str | None, Any] = {"sigmoid": "sigmoid", "linear": _cubed}


def build(
    *, image_size: int = 64, classes: int = 2, fault: str | None = None
) -> keras.Model:
    """A tiny network with a fault."""
    if classes < 2 and fault != "range":
        raise ValueError("few classes" if fault == "name" else "`classes` must be 2")
    if image_size < 8:
        raise ValueError("`image_size` must be at least 8")
    x = roi = keras.Input((image_size, image_size, 1), name="roi")
    if fault == "nested":
        x = keras.Sequential([layers.Conv2D(4, 3)], name="inner")(x)
    if fault == "operation":
        x = x + 1
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, name="conv")(x))
    if fault == "gradient":
        x = layers.Rescaling(0.0)(x)
    head = layers.Dense(
        classes,
        ACTIVATIONS.get(fault, "softmax"),
        dtype="float16" if fault == "dtype" else "float32",
        name="out" if fault == "head" else "predictions",
    )
    return keras.Model(roi, head(x))


def test_a_network_without_a_fault_passes() -> None:
    assert run_model_test(build, image_size=16).count_params() > 0


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("nested", "inner is a model in the model"),
        ("operation", "is no layer"),
        ("head", "the last layer is named 'out'"),
        ("dtype", "float32"),
        ("sigmoid", "Not equal to tolerance"),
        ("linear", "linear before its softmax"),
        ("gradient", "no gradient reaches conv"),
        ("range", "`classes` 1 is accepted"),
        ("name", "'few classes' does not name `classes`"),
    ],
)
def test_a_fault_is_named(fault: str, told: str) -> None:
    options: dict[str, Any] = {"fault": fault}
    with pytest.raises(AssertionError, match=told):
        run_model_test(build, options, image_size=16)
