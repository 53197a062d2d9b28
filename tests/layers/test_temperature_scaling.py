"""Each classifier's probabilities are calibrated as the metrics do it."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.special import softmax

from keras_wa.layers import TemperatureScaling
from keras_wa.metrics import apply_temperature
from keras_wa.testing import run_layer_test

TEMPERATURES = [0.4, 1.0, 3.0]


def probabilities(classes: int) -> list[np.ndarray]:
    """Of three classifiers, from even odds to near certainty."""
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=6, size=(3, 40, classes))
    return list(softmax(logits, axis=-1).astype("float32"))


@pytest.mark.parametrize("classes", [2, 3])
def test_the_last_class_is_calibrated_and_the_others_share_the_rest(
    classes: int,
) -> None:
    inputs = probabilities(classes)
    found = keras.ops.convert_to_numpy(TemperatureScaling(TEMPERATURES)(inputs))
    assert found.shape == (40, 3, classes)
    for i, (raw, temperature) in enumerate(zip(inputs, TEMPERATURES, strict=True)):
        wanted = apply_temperature(raw[:, -1], temperature)
        np.testing.assert_allclose(found[:, i, -1], wanted, atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-6)
    if classes == 3:
        raw = np.stack(inputs, axis=1)
        np.testing.assert_allclose(
            found[..., 0] * raw[..., 1], found[..., 1] * raw[..., 0], atol=1e-6
        )


def test_zero_and_one_stay_even_if_rounding_exceeds_one() -> None:
    raw = np.array([[1, 0], [0, 1], [0, np.nextafter(1, 2, dtype="float32")]])
    found = TemperatureScaling([7.0])([raw.astype("float32")])
    found = keras.ops.convert_to_numpy(found)[:, 0]
    np.testing.assert_array_equal(found, [[1, 0], [0, 1], [0, 1]])


@pytest.mark.parametrize("temperatures", [[1.0, 0.0], [-1.0], [float("nan")]])
def test_a_temperature_that_is_not_above_zero_is_refused(
    temperatures: list[float],
) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        TemperatureScaling(temperatures)


def test_another_number_of_inputs_is_refused() -> None:
    with pytest.raises(ValueError, match="Received: 3 inputs; expected 2"):
        TemperatureScaling([1.0, 2.0])(probabilities(2))


def test_contract() -> None:
    run_layer_test(
        TemperatureScaling,
        {"temperatures": TEMPERATURES},
        [(4, 2)] * 3,
        input_data=[each[:4] for each in probabilities(2)],
        output_shape=(4, 3, 2),
    )
