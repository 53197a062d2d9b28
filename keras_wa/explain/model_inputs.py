"""From ROIs to inputs of a model, and to probabilities."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_wa.layers import DWT2D

Rois = NDArray[np.float32]
Probability = Callable[[Rois], NDArray[np.float64]]
"""Function from ROIs `(n, H, W)` in [0, 1] to the probability of a class, `(n,)`."""


def model_inputs(rois: Rois, wavelet: str | None = None) -> NDArray[np.float32]:
    """Converts ROIs to inputs of a model, or of one that takes a wavelet's subbands.

    Returns:
        float32 `(n, H, W, 1)`, or the subbands, for Haar `(n, H / 2, W / 2, 4)`.
    """
    images = np.asarray(rois, dtype=np.float32)[..., np.newaxis]
    if wavelet is None:
        return images
    transform = DWT2D(wavelet=wavelet, dtype="float32")
    return keras.ops.convert_to_numpy(transform(images))


def roi_probability(
    model: keras.Model,
    wavelet: str | None = None,
    target: int = -1,
    batch_size: int = 32,
) -> Probability:
    """Returns the function from ROIs to the probability of one class.

    Args:
        model: a classifier that ends in a softmax.
        wavelet: see `model_inputs`.
        target: index of the class; the last one is malignant.
        batch_size: number of ROIs per batch.
    """
    import tensorflow as tf

    transform = None if wavelet is None else DWT2D(wavelet=wavelet, dtype="float32")

    # `predict` takes longer to start than a small network to run.
    @functools.partial(tf.function, reduce_retracing=True, autograph=False)
    def compute(rois: Any) -> Any:
        images = rois[..., tf.newaxis]
        inputs = images if transform is None else transform(images)
        return model(inputs, training=False)[:, target]

    def probability(rois: Rois) -> NDArray[np.float64]:
        rois = np.asarray(rois, dtype=np.float32)
        parts = [np.zeros(0)]
        for start in range(0, len(rois), batch_size):
            batch = tf.constant(rois[start : start + batch_size])
            parts.append(compute(batch).numpy().astype(np.float64))
        # A float32 probability can exceed 1 by rounding.
        return np.clip(np.concatenate(parts), 0.0, 1.0)

    return probability
