"""The moving average of a model's weights, in the place of the weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras
import numpy as np


@contextlib.contextmanager
def averaged(model: keras.Model) -> Iterator[None]:
    """A context in which a model has the average of its weights that is kept.

    Training goes on with the weights, to the last bit. `keras.callbacks.SwapEMAWeights`
    swaps by additions, which round them, and leaves the swapped ones to a checkpoint.

    Batch normalisation's moving statistics are averages already, and stay.

    Args:
        model: a compiled model. Without an average (`use_ema`), or before the first
            step has made one, it stays as it is.
    """
    optimizer = model.optimizer
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # Of a loss scale.
    if not optimizer.use_ema or not keras.ops.convert_to_numpy(optimizer.iterations):
        yield
        return
    variables = model.trainable_variables
    own = _copies(variables)
    _assign(variables, _copies(optimizer._model_variables_moving_average))
    try:
        yield
    finally:
        _assign(variables, own)


def _copies(variables: list[keras.Variable]) -> list[np.ndarray]:
    # On JAX `predict` gives the weights' own memory away.
    return [np.array(keras.ops.convert_to_numpy(each)) for each in variables]


def _assign(variables: list[keras.Variable], values: list[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
