"""Input checks of an exported function, and empty batches."""

from __future__ import annotations

import tensorflow as tf

from keras_wa.data.io.resize import LEAST_SIDE
from keras_wa.export.saving import Function


def guarded(function: Function) -> Function:
    """Makes a function refuse inputs that are not raw grey ROIs.

    TensorFlow silently casts a NumPy array to the dtype of a signature: an image in
    [0, 1] would become black. So the function raises `InvalidArgumentError` if a side
    is below 32 px, or if no grey level of the batch is above 1. An empty batch gives
    empty results.
    """
    function = allow_empty(function)

    def guard(roi: tf.Tensor) -> dict[str, tf.Tensor]:
        shape = tf.shape(roi)
        empty = tf.equal(shape[0], 0)
        large = tf.reduce_all(shape[1:3] >= LEAST_SIDE)
        level = tf.reduce_max(tf.cast(roi, tf.int32))
        checks = [
            tf.debugging.Assert(
                empty | large,
                [
                    "roi. Received: height and width",
                    shape[1:3],
                    f"px; expected at least {LEAST_SIDE} px each.",
                ],
            ),
            tf.debugging.Assert(
                # Without pixels, only the size is wrong.
                empty | ~large | (level > 1),
                [
                    "roi. Received: no grey level above",
                    level,
                    "in the batch; expected raw grey levels from 0 to 255, uint8. "
                    "Multiply an image of [0, 1] by 255. A black image is refused.",
                ],
            ),
        ]
        with tf.control_dependencies(checks):
            return function(tf.identity(roi))

    return guard


def allow_empty(function: Function) -> Function:
    """Lets a function of a batch of ROIs return empty results for an empty batch."""

    def answer(roi: tf.Tensor) -> dict[str, tf.Tensor]:
        count = tf.shape(roi)[0]
        # A black ROI replaces an empty batch, which some kernels do not support.
        more = tf.cast(tf.equal(count, 0), tf.int32) * [1, 1, 1, 0]
        padded = tf.pad(roi, tf.stack([tf.zeros_like(more), more], axis=1))
        padded.set_shape(roi.shape)
        return {name: each[:count] for name, each in function(padded).items()}

    return answer
