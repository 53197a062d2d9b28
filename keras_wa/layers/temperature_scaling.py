"""Temperature scaling of the probabilities of several classifiers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_wa")
class TemperatureScaling(keras.layers.Layer):
    """Calibrates the probabilities of several classifiers, each by its temperature.

    A probability p of the last class becomes `sigmoid(logit(p) / T)`, as by
    `keras_wa.metrics.apply_temperature`. The other classes share the rest in the
    proportions of the classifier. It is computed in float32 under mixed precision too.

    Args:
        temperatures: T of each classifier, above 0.
        **kwargs: passed to `keras.layers.Layer`.

    Input shape:
        A list of tensors `(batch, classes)`, one per classifier.

    Output shape:
        `(batch, classifiers, classes)`.

    Raises:
        ValueError: a temperature is not above 0, or the numbers of temperatures and
            inputs differ.

    Example:
        >>> import numpy as np
        >>> from keras_wa.layers import TemperatureScaling
        >>> sharp, plain = np.array([[0.01, 0.99]]), np.array([[0.3, 0.7]])
        >>> calibrated = TemperatureScaling([4.18, 1.0])([sharp, plain])
        >>> np.asarray(calibrated, float)[0, :, -1].round(2).tolist()
        [0.75, 0.7]

    Source:
        Guo et al. 2017, arXiv:1706.04599.
    """

    def __init__(self, temperatures: Sequence[float], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not all(0 < each < math.inf for each in temperatures):
            raise ValueError(f"temperatures must be above 0. Received: {temperatures}")
        self.temperatures = [float(each) for each in temperatures]

    def build(self, input_shape: Any) -> None:
        """Checks the number of inputs."""
        if len(input_shape) != len(self.temperatures):
            raise ValueError(
                f"Received: {len(input_shape)} inputs; expected "
                f"{len(self.temperatures)}, one per temperature."
            )

    def call(self, inputs: Any) -> Any:
        """Returns the calibrated probabilities."""
        # A softmax can exceed 1 by rounding.
        found = ops.clip(ops.cast(ops.stack(inputs, axis=1), "float32"), 0, 1)
        others, last = found[..., :-1], found[..., -1:]
        temperatures = ops.convert_to_tensor(self.temperatures, dtype="float32")
        # 0 and 1 stay: their logits are infinite.
        logits = ops.log(last) - ops.log1p(-last)
        last = ops.sigmoid(logits / ops.reshape(temperatures, (1, -1, 1)))
        shares = others / ops.maximum(ops.sum(others, axis=-1, keepdims=True), 1e-12)
        calibrated = ops.concatenate([shares * (1 - last), last], axis=-1)
        return ops.cast(calibrated, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape of the calibrated probabilities."""
        batch, classes = input_shape[0]
        return (batch, len(input_shape), classes)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "temperatures": self.temperatures}
