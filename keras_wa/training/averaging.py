"""The network to validate and to save, with averaged weights if there are any."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence

import keras
import numpy as np


@contextlib.contextmanager
def averaged(
    model: keras.Model, network: keras.Model | None = None
) -> Iterator[keras.Model]:
    """Yields the network to evaluate, with the moving average of the model's weights.

    The model's own weights are restored exactly at the end.
    `keras.callbacks.SwapEMAWeights` swaps by additions, which round, and a checkpoint
    would save the swapped weights.

    The moving statistics of batch normalisation are averages already and are kept.

    Weights on several devices are copied to one: operations on distributed weights
    need all processes, and each process evaluates its own share.

    Args:
        model: a compiled model. Its weights are not averaged without `use_ema` and
            before the first step.
        network: the classifier of single ROIs whose weights the model trains; None for
            the model itself.
    """
    network = network or model
    optimizer = model.optimizer
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # Under loss scaling.
    averages = optimizer.use_ema and keras.ops.convert_to_numpy(optimizer.iterations)
    distribution = keras.distribution.distribution()
    if distribution is not None:
        keras.distribution.set_distribution(None)
        try:
            copy = _copy_on_one_device(network)
            _assign(copy.variables, _copies(network.variables))
            if averages:
                pairs = zip(network.variables, copy.variables, strict=True)
                copy_of = {id(own): copied for own, copied in pairs}
                variables = [copy_of[id(each)] for each in model.trainable_variables]
                _assign_averages(optimizer, variables)
            yield copy
        finally:
            keras.distribution.set_distribution(distribution)
        return
    if not averages:
        yield network
        return
    own = _copies(model.trainable_variables)
    _assign_averages(optimizer, model.trainable_variables)
    try:
        yield network
    finally:
        _assign(model.trainable_variables, own)


@functools.lru_cache(maxsize=1)  # A new copy would be compiled again in each epoch.
def _copy_on_one_device(network: keras.Model) -> keras.Model:
    return keras.models.clone_model(network)


def _assign_averages(
    optimizer: keras.optimizers.Optimizer, variables: list[keras.Variable]
) -> None:
    optimizer.finalize_variable_values(variables)
    # On JAX they now share memory with the averages, which `predict` donates.
    _assign(variables, _copies(variables))


def _copies(variables: Sequence[keras.Variable]) -> list[np.ndarray]:
    # Copied, since on JAX `predict` donates the memory of the weights.
    return [np.array(keras.ops.convert_to_numpy(each)) for each in variables]


def _assign(variables: Sequence[keras.Variable], values: list[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
