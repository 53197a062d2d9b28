"""Batches as `tf.data` pipelines."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from keras_wa.data.pipeline.augmentation import augment
from keras_wa.data.pipeline.plan import TrainingPlan
from keras_wa.data.pipeline.rois import Rois
from keras_wa.layers import DWT2D

# The mapped functions have no Python control flow over tensors. Without autograph they
# are traced faster, and visible to debuggers and coverage.
_as_it_is = tf.autograph.experimental.do_not_convert


def training_batches(
    plan: TrainingPlan, first_epoch: int, epochs: int
) -> tf.data.Dataset:
    """See `keras_wa.data.pipeline.batches`. Shapes are known before the first batch."""
    steps = plan.steps_per_epoch
    size, batch = plan.image_size, plan.batch_size // plan.share[1]
    rois, columns = plan.views * batch, 7 if plan.augmentation.gamma else 6
    to_inputs = _input_mapper(plan.wavelet)

    @_as_it_is
    def draw(step: tf.Tensor) -> tuple[tf.Tensor, ...]:
        pixels, labels, changes = tf.numpy_function(
            plan.draw, [step], (tf.uint8, tf.int32, tf.float32), stateful=False
        )
        return (
            tf.ensure_shape(pixels, (rois, size, size)),
            tf.ensure_shape(labels, (batch,)),
            tf.ensure_shape(changes, (rois, columns)),
        )

    @_as_it_is
    def finish(
        pixels: tf.Tensor, labels: tf.Tensor, changes: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        images = _scale_pixels(pixels)
        if not plan.augmentation.changes_nothing:
            images = augment(images, changes)
        targets = tf.one_hot(labels, len(plan.weights))
        inputs = to_inputs(images)
        if plan.views > 1:
            inputs = tf.reshape(inputs, (batch, plan.views, *inputs.shape[1:]))
        return inputs, targets, tf.gather(plan.weights, labels)

    return (
        tf.data.Dataset.range(first_epoch * steps, epochs * steps)
        .map(draw, num_parallel_calls=2, deterministic=True)
        .map(finish, num_parallel_calls=2, deterministic=True)
        .prefetch(2)
    )


def evaluation_batches(
    rois: Rois, image_size: int, batch_size: int = 32, wavelet: str | None = None
) -> tf.data.Dataset:
    """See `keras_wa.data.pipeline.batches`. The last ROI fills up the last batch.

    Several devices and TPUs need batches of equal size.
    """
    to_inputs = _input_mapper(wavelet)

    @_as_it_is
    def read(positions: tf.Tensor) -> tf.Tensor:
        there = tf.minimum(positions, len(rois) - 1)
        pixels = tf.numpy_function(rois.read, [there], tf.uint8, stateful=False)
        pixels = tf.ensure_shape(pixels, (batch_size, image_size, image_size))
        return to_inputs(_scale_pixels(pixels))

    batches = -(-len(rois) // batch_size)
    positions = tf.data.Dataset.range(batches * batch_size)
    return positions.batch(batch_size, drop_remainder=True).map(read).prefetch(2)


def _scale_pixels(pixels: tf.Tensor) -> tf.Tensor:
    """uint8 `(B, H, W)` -> float32 `(B, H, W, 1)` in [0, 1]."""
    return tf.cast(pixels, tf.float32)[..., tf.newaxis] / 255.0


def _input_mapper(wavelet: str | None) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns the identity, or the DWT of the model's first layer."""
    if wavelet is None:
        return lambda images: images
    return DWT2D(wavelet=wavelet, dtype="float32")
