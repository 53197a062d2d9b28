"""Batches from enhanced 8-bit ROIs, in the fastest form for the Keras backend.

They are `tf.data` pipelines on TensorFlow, and `keras.utils.PyDataset` on other
backends, which need no TensorFlow. The numbers are the same.
"""

from __future__ import annotations

from typing import Any

from keras_wa.backend import on_tensorflow
from keras_wa.data.pipeline.plan import TrainingPlan
from keras_wa.data.pipeline.rois import Rois


def training_batches(plan: TrainingPlan, first_epoch: int, epochs: int) -> Any:
    """Returns the batches of epochs `first_epoch` to `epochs - 1`.

    Returns:
        Input of `keras.Model.fit`, with `(inputs, one-hot labels, weights)`, all
        float32: ROIs `(B, H, W, 1)` in [0, 1] or their subbands (for Haar
        `(B, H / 2, W / 2, 4)`), `(B, classes)` and `(B,)`. With two views the inputs
        are pairs, such as `(B, 2, H, W, 1)`.
    """
    if on_tensorflow():
        from keras_wa.data.pipeline import tf_batches

        return tf_batches.training_batches(plan, first_epoch, epochs)
    from keras_wa.data.pipeline.keras_batches import TrainingBatches

    return TrainingBatches(plan, first_epoch, epochs)


def evaluation_batches(
    rois: Rois, image_size: int, batch_size: int = 32, wavelet: str | None = None
) -> Any:
    """Returns all ROIs in order, without augmentation.

    Returns:
        Input of `keras.Model.predict`, float32, see `training_batches`. Use the first
        `len(rois)` outputs: the last ROI fills up the last batch.
    """
    if on_tensorflow():
        from keras_wa.data.pipeline import tf_batches

        return tf_batches.evaluation_batches(rois, image_size, batch_size, wavelet)
    from keras_wa.data.pipeline.keras_batches import EvaluationBatches

    return EvaluationBatches(rois, image_size, batch_size, wavelet)
