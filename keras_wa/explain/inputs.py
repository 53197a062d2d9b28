"""From ROIs to what a model takes, and from there to a probability."""

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
"""Takes ROIs `(n, H, W)` in [0, 1], gives the probability of the class, `(n,)`."""


def model_inputs(rois: Rois, wavelet: str | None = None) -> NDArray[np.float32]:
    """Puts ROIs in the form that a model was trained on.

    Args:
        rois: `(n, H, W)` in [0, 1].
        wavelet: `None` for a model that takes ROIs; of a model that takes subbands,
            their wavelet.

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
    """Makes the function from ROIs to the probability of one class.

    Args:
        model: a classifier that ends in a softmax.
        wavelet: see `model_inputs`.
        target: index of the class; the last one is malignant.
        batch_size: ROIs at once.

    Returns:
        A function from `(n, H, W)` in [0, 1] to float64 `(n,)` in [0, 1].
    """
    import tensorflow as tf

    transform = None if wavelet is None else DWT2D(wavelet=wavelet, dtype="float32")

    # `predict` would take longer to start than a small network to run.
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
        # The exact float64 of a float32 probability can exceed 1 by rounding alone.
        return np.clip(np.concatenate(parts), 0.0, 1.0)

    return probability
