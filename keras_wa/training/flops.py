"""How much a network computes for one image."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.framework import ops


def gflops(model: keras.Model) -> float:
    """Counts the floating-point operations of one forward pass.

    TensorFlow's own profiler counts them on the inference graph of a batch of one. A
    multiplication and the addition that follows it are two operations, as the profiler
    has it; papers that count "multiply-adds" give half of that.

    Args:
        model: from one tensor of known size to one tensor.

    Returns:
        Billions of operations. Of kinds of operation that the profiler does not know it
        counts none; of a convolutional network those are batch normalisation, at
        inference a multiply-add a value, ReLU and pooling.
    """
    _, *shape = model.inputs[0].shape
    signature = tf.TensorSpec((1, *shape), model.inputs[0].dtype)

    @tf.autograph.experimental.do_not_convert
    def infer(inputs: tf.Tensor) -> tf.Tensor:
        return model(inputs, training=False)

    graph = tf.function(infer).get_concrete_function(signature).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"  # It would print its table.
    with _without_advice():
        profile = tf.compat.v1.profiler.profile(graph, options=options)
    return profile.total_float_ops / 1e9


@contextlib.contextmanager
def _without_advice() -> Iterator[None]:
    """Holds back TensorFlow's warnings that its own profiler is old."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


# The products of attention, which the profiler does not know.
@ops.RegisterStatistics("Einsum", "flops")
def _einsum_flops(graph: tf.Graph, node: Any) -> ops.OpStats:
    """A multiply-add for each combination of all indices of an einsum."""
    operation = graph.get_operation_by_name(node.name)
    terms = operation.get_attr("equation").decode().split("->")[0].split(",")
    sizes: dict[str, int] = {}
    for term, tensor in zip(terms, operation.inputs, strict=True):
        sizes |= zip(term, tensor.shape.as_list(), strict=True)
    return ops.OpStats("flops", 2 * math.prod(sizes.values()))
