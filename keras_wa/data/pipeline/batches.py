"""Batches from enhanced 8-bit ROIs, as the Keras backend at hand takes them fastest.

On TensorFlow they are `tf.data` pipelines. Other backends need no TensorFlow: there
they are `keras.utils.PyDataset`. The numbers are the same.
"""

from __future__ import annotations

from typing import Any

from keras_wa.backend import on_tensorflow
from keras_wa.data.pipeline.plan import TrainingPlan
from keras_wa.data.pipeline.rois import Rois


def training_batches(plan: TrainingPlan, first_epoch: int, epochs: int) -> Any:
    """The batches of epochs `first_epoch` to `epochs - 1`.

    Returns:
        What `keras.Model.fit` takes, of `(inputs, one-hot labels, weights)`, all
        float32: ROIs `(B, H, W, 1)` in [0, 1] or their subbands (for Haar
        `(B, H / 2, W / 2, 4)`), `(B, classes)` and `(B,)`.
    """
    if on_tensorflow():
        from keras_wa.data.pipeline import tf_batches

        return tf_batches.training_batches(plan, first_epoch, epochs)
    from keras_wa.data.pipeline.keras_batches import TrainingBatches

    return TrainingBatches(plan, first_epoch, epochs)


def evaluation_batches(
    rois: Rois, image_size: int, batch_size: int = 32, wavelet: str | None = None
) -> Any:
    """All ROIs in order, unchanged.

    Returns:
        What `keras.Model.predict` takes, of float32 inputs as in `training_batches`.
        Take the first `len(rois)` outputs: the last ROI fills the last batch up.
    """
    if on_tensorflow():
        from keras_wa.data.pipeline import tf_batches

        return tf_batches.evaluation_batches(rois, image_size, batch_size, wavelet)
    from keras_wa.data.pipeline.keras_batches import EvaluationBatches

    return EvaluationBatches(rois, image_size, batch_size, wavelet)
