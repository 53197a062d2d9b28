"""Frees what TensorFlow would keep of a training until the process ends."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tensorflow.python.framework import ops


@contextlib.contextmanager
def release_custom_gradients() -> Iterator[None]:
    """Removes the custom gradients that TensorFlow registers inside the block.

    TensorFlow registers each use of `tf.custom_gradient` in a graph (the DWT's, and the
    exchange of gradients in Keras' optimizers) and never removes it. Each holds its
    graph, and so the variables of the model and of the optimizer: 0.45 GB a run of
    WA-ResNet-50. Graphs that are traced inside the block cannot be differentiated any
    more after it; a new call traces anew.
    """
    # Private to TensorFlow: a version without it keeps the memory, and nothing fails.
    registry = getattr(getattr(ops, "gradient_registry", None), "_registry", {})
    before = set(registry)
    try:
        yield
    finally:
        for name in set(registry) - before:
            if name.startswith("CustomGradient-"):
                del registry[name]
