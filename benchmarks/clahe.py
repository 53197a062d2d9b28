"""Compares the CLAHE layer with Keras' own and OpenCV on one core.

    python -m benchmarks.clahe

16 images of 224x224 with 8 bits, clip limit 2, 8x8 tiles. `peak memory` is that of the
process, TensorFlow included.
"""

from __future__ import annotations

import numpy as np

from benchmarks.compare import Times, compare, print_table, timed

_IMAGES = np.random.default_rng(0).integers(0, 256, (16, 224, 224, 1), dtype=np.uint8)
_CASE = "16 images"


def keras_wa() -> Times:
    import tensorflow as tf

    from keras_wa.layers import CLAHE

    layer, images = tf.function(CLAHE()), tf.constant(_IMAGES)
    return {_CASE: timed(lambda: layer(images), 20)}


def keras_own() -> Times:
    import keras
    import tensorflow as tf

    layer = keras.layers.ContrastLimitedAdaptiveHistogramEqualization((0, 255))
    images = tf.constant(_IMAGES.astype("float32"))
    compiled = tf.function(lambda batch: layer(batch))
    return {_CASE: timed(lambda: compiled(images), 10)}


def opencv() -> Times:
    import cv2

    cv2.setNumThreads(1)
    filter_ = cv2.createCLAHE(2.0, (8, 8))
    return {_CASE: timed(lambda: [filter_.apply(image) for image in _IMAGES], 20)}


WORKERS = {
    "keras_wa": keras_wa,
    "keras.layers": keras_own,
    "OpenCV, one core": opencv,
}

if __name__ == "__main__":
    found = compare("benchmarks.clahe", WORKERS)
    if found is not None:
        print_table("CLAHE", found, "keras_wa")
