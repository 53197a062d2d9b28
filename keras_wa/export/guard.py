"""What an exported function refuses, and its answer to a batch of no ROI."""

from __future__ import annotations

import tensorflow as tf

from keras_wa.data.io.resize import LEAST_SIDE
from keras_wa.export.freezing import Function


def guarded(function: Function) -> Function:
    """Makes a function refuse what is no batch of raw grey ROIs.

    TensorFlow casts a NumPy array to the dtype of a signature without a word. An image
    of [0, 1] becomes nothing but 0 and 1 then, and its answer that of a black image.

    Args:
        function: from ROIs, uint8 `(batch, height, width, 1)`, to results by name, each
            with the batch as its first axis.

    Returns:
        The same function, in which TensorFlow raises an `InvalidArgumentError` if a
        side is below 32 px, or no grey level of the whole batch is above 1. An empty
        batch has empty results.
    """
    function = or_nothing(function)

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
                # Without pixels only the size is at fault.
                empty | ~large | (level > 1),
                [
                    "roi. Received: no grey level above",
                    level,
                    "in the batch; expected raw grey levels from 0 to 255, uint8. "
                    "Multiply an image of [0, 1] by 255. An image that is all black "
                    "has no answer.",
                ],
            ),
        ]
        with tf.control_dependencies(checks):
            return function(tf.identity(roi))

    return guard


def or_nothing(function: Function) -> Function:
    """Lets a function of a batch of ROIs answer an empty batch, by empty results."""

    def answer(roi: tf.Tensor) -> dict[str, tf.Tensor]:
        count = tf.shape(roi)[0]
        # No kernel has to know of empty batches if a black ROI stands in for none.
        more = tf.cast(tf.equal(count, 0), tf.int32) * [1, 1, 1, 0]
        padded = tf.pad(roi, tf.stack([tf.zeros_like(more), more], axis=1))
        padded.set_shape(roi.shape)
        return {name: each[:count] for name, each in function(padded).items()}

    return answer
