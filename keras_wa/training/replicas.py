"""Communication between the replicas of a distribution strategy, one per device.

Keras averages gradients and losses over the replicas. It does not share the statistics
of batch normalisation and the overflow of half precision.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


def count_replicas() -> int:
    """Returns the number of replicas of the current strategy."""
    return int(tf.distribute.get_strategy().num_replicas_in_sync)


def mean_of_replicas(tensor: tf.Tensor) -> tf.Tensor:
    """Returns the mean of a float tensor over all replicas, in each of them."""
    return tf.distribute.get_replica_context().all_reduce("MEAN", tensor)


def share_overflow(optimizer: keras.optimizers.Optimizer) -> None:
    """Makes all replicas skip a step in which one of them has overflowed.

    Keras' loss scale checks the gradients of the first replica only: an overflow in
    another one would make every weight NaN.

    Args:
        optimizer: optimizer of a compiled model, changed in place; unchanged without a
            loss scale.
    """
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return

    def apply(
        optimizer: Any, grads: Sequence[Any], trainable_variables: Any = None
    ) -> Any:
        finite = optimizer.check_finite(grads)
        spoilt = mean_of_replicas(tf.where(finite, 0.0, float("nan")))
        shared = [None if g is None else g + tf.cast(spoilt, g.dtype) for g in grads]
        return type(optimizer).apply(optimizer, shared, trainable_variables)

    optimizer.apply = types.MethodType(apply, optimizer)
