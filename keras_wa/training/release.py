"""Freeing memory that TensorFlow keeps after a training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from keras_wa import tensorflow_internals as internals


@contextlib.contextmanager
def release_custom_gradients() -> Iterator[None]:
    """Removes the custom gradients that TensorFlow registers inside the block.

    TensorFlow registers each use of `tf.custom_gradient` in a graph (in the DWT, and
    when Keras' optimizers exchange gradients) and never removes it. Each entry keeps
    its graph, and so the variables of model and optimizer: 0.45 GB per run of
    WA-ResNet-50. Graphs that were traced inside the block cannot be differentiated
    after it; a new call traces again.
    """
    registry = internals.gradient_registry or {}
    before = set(registry)
    try:
        yield
    finally:
        for name in set(registry) - before:
            if name.startswith("CustomGradient-"):
                del registry[name]
