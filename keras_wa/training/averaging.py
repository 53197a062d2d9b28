"""Use of the moving average of a model's weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras
import numpy as np


@contextlib.contextmanager
def averaged(model: keras.Model) -> Iterator[None]:
    """Replaces a model's weights by their moving average inside the block.

    The weights are restored exactly at the end. `keras.callbacks.SwapEMAWeights` swaps
    by additions, which round, and a checkpoint would save the swapped weights.

    The moving statistics of batch normalisation are averages already and are kept.

    Args:
        model: a compiled model. It is unchanged without `use_ema` and before the first
            step.
    """
    optimizer = model.optimizer
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # Under loss scaling.
    if not optimizer.use_ema or not keras.ops.convert_to_numpy(optimizer.iterations):
        yield
        return
    variables = model.trainable_variables
    own = _copies(variables)
    optimizer.finalize_variable_values(variables)
    # On JAX the two now share memory, which `predict` donates.
    _assign(variables, _copies(variables))
    try:
        yield
    finally:
        _assign(variables, own)


def _copies(variables: list[keras.Variable]) -> list[np.ndarray]:
    # Copied, since on JAX `predict` donates the memory of the weights.
    return [np.array(keras.ops.convert_to_numpy(each)) for each in variables]


def _assign(variables: list[keras.Variable], values: list[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
