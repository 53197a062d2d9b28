"""Counting the floating-point operations of a model."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from keras_wa import tensorflow_internals as internals


def gflops(model: keras.Model) -> float:
    """Counts the floating-point operations of one forward pass.

    TensorFlow's profiler counts them in the inference graph for a batch of one. A
    multiply-add counts as two operations; papers that count multiply-adds report half
    of that.

    Args:
        model: a model with one input of known size and one output.

    Returns:
        Billions of operations, without operations that the profiler does not support.
        In a convolutional network these are batch normalisation (one multiply-add per
        value at inference), ReLU and pooling. NaN where the products of attention
        cannot be counted.
    """
    _, *shape = model.inputs[0].shape
    signature = tf.TensorSpec((1, *shape), model.inputs[0].dtype)

    @tf.autograph.experimental.do_not_convert
    def infer(inputs: tf.Tensor) -> tf.Tensor:
        return model(inputs, training=False)

    graph = tf.function(infer).get_concrete_function(signature).graph
    if internals.register_statistics is None and any(
        operation.type == "Einsum" for operation in graph.get_operations()
    ):
        return math.nan
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"  # By default it prints a table.
    with _without_advice():
        profile = tf.compat.v1.profiler.profile(graph, options=options)
    return profile.total_float_ops / 1e9


@contextlib.contextmanager
def _without_advice() -> Iterator[None]:
    """Suppresses TensorFlow's warnings that its profiler is deprecated."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


# The matrix products of attention, which the profiler does not support.
def _einsum_flops(graph: tf.Graph, node: Any) -> Any:
    """Counts one multiply-add for each combination of the indices of an einsum."""
    operation = graph.get_operation_by_name(node.name)
    terms = operation.get_attr("equation").decode().split("->")[0].split(",")
    sizes: dict[str, int] = {}
    for term, tensor in zip(terms, operation.inputs, strict=True):
        sizes |= zip(term, tensor.shape.as_list(), strict=True)
    return internals.op_stats("flops", 2 * math.prod(sizes.values()))


if internals.register_statistics is not None:
    internals.register_statistics("Einsum", "flops")(_einsum_flops)
