"""Batches as `keras.utils.PyDataset`, for Keras backends other than TensorFlow."""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import keras
import numpy as np

from keras_wa.data.pipeline.augmentation import augment
from keras_wa.data.pipeline.plan import TrainingPlan
from keras_wa.data.pipeline.rois import Pixels, Rois
from keras_wa.layers import DWT2D

Batch = tuple[np.ndarray, ...]

# Threads that prepare batches while the device computes, and the number of batches.
_THREADS, _AHEAD = 2, 6


class _Ahead(keras.utils.PyDataset):
    """Prepares the next batches in threads.

    Keras' threads start with the first batch in every epoch, but `steps_per_epoch`
    divides one long sequence into epochs.

    Args:
        make: pure function from an index to its batch.
    """

    def __init__(self, make: Callable[[int], Batch]) -> None:
        super().__init__(workers=1)
        self._make = make
        self._pool = ThreadPoolExecutor(_THREADS)
        self._made: dict[int, Future[Batch]] = {}

    def __getitem__(self, index: int) -> Batch:
        wanted = range(index, min(index + _AHEAD, len(self)))
        self._made = {
            i: self._made.get(i) or self._pool.submit(self._make, i) for i in wanted
        }
        return self._made[index].result()


class TrainingBatches(_Ahead):
    """See `batches.training_batches`. One sequence over all epochs."""

    def __init__(self, plan: TrainingPlan, first_epoch: int, epochs: int) -> None:
        super().__init__(self._batch)
        steps = plan.steps_per_epoch
        self.plan = plan
        self.steps = range(first_epoch * steps, epochs * steps)

    def __len__(self) -> int:
        return len(self.steps)

    def _batch(self, index: int) -> Batch:
        plan = self.plan
        pixels, labels, changes = plan.draw(self.steps[index])
        images = _scale_pixels(pixels)
        if not plan.augmentation.changes_nothing:
            images = np.asarray(_compiled(augment)(images, changes))
        targets = np.eye(len(plan.weights), dtype="float32")[labels]
        inputs = _inputs(images, plan.wavelet)
        if plan.views > 1:
            inputs = inputs.reshape(len(labels), plan.views, *inputs.shape[1:])
        return inputs, targets, plan.weights[labels]


class EvaluationBatches(_Ahead):
    """See `batches.evaluation_batches`. The last ROI fills up the last batch.

    A batch of another size would need another compilation.
    """

    def __init__(
        self,
        rois: Rois,
        image_size: int,
        batch_size: int = 32,
        wavelet: str | None = None,
    ) -> None:
        super().__init__(self._batch)
        self.rois = rois
        self.image_size = image_size
        self.batch_size = batch_size
        self.wavelet = wavelet

    def __len__(self) -> int:
        return -(-len(self.rois) // self.batch_size)

    def _batch(self, index: int) -> Batch:
        first = index * self.batch_size
        positions = np.arange(first, first + self.batch_size)
        pixels = self.rois.read(np.minimum(positions, len(self.rois) - 1))
        return (_inputs(_scale_pixels(pixels), self.wavelet),)


def _scale_pixels(pixels: Pixels) -> np.ndarray:
    """uint8 `(B, H, W)` -> float32 `(B, H, W, 1)` in [0, 1]."""
    return pixels[..., np.newaxis].astype("float32") / np.float32(255)


def _inputs(images: np.ndarray, wavelet: str | None) -> np.ndarray:
    return images if wavelet is None else np.asarray(_transform(wavelet)(images))


@functools.cache
def _transform(wavelet: str) -> Callable[[Any], Any]:
    """Returns the DWT of the model's first layer."""
    return _compiled(DWT2D(wavelet=wavelet, dtype="float32"))


@functools.cache
def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles a function for the CPU on JAX, where `tf.data` runs too.

    The device is busy with training steps, and a GPU's default precision would change
    the pixels of an exact quarter turn.
    """
    if keras.backend.backend() != "jax":
        return function
    import jax

    compiled = jax.jit(function)
    processor = jax.local_devices(backend="cpu")[0]

    def on_processor(*arguments: Any) -> Any:
        with jax.default_device(processor):
            return compiled(*arguments)

    return on_processor
