"""What the replicas of a distribution strategy, one a device, have to exchange.

Keras averages gradients and losses over them. Batch normalisation and the overflow of
half precision it leaves to each replica.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


def count_replicas() -> int:
    """How many replicas the strategy has whose scope this is called in."""
    return int(tf.distribute.get_strategy().num_replicas_in_sync)


def mean_of_replicas(tensor: tf.Tensor) -> tf.Tensor:
    """The mean of a float tensor over all replicas, in each of them."""
    return tf.distribute.get_replica_context().all_reduce("MEAN", tensor)


def share_overflow(optimizer: keras.optimizers.Optimizer) -> None:
    """Makes all replicas leave out a step in which one of them has overflowed.

    Keras' loss scale looks at the gradients of the first replica alone: an overflow in
    another one would make every weight NaN.

    Args:
        optimizer: of a compiled model, changed in place; one without a loss scale stays
            as it is.
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
