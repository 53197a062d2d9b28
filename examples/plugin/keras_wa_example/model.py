"""A model: `keras-wa train --model small_cnn`."""

from typing import Annotated

import keras
from keras import layers

from keras_wa.layers import SqueezeExcite
from keras_wa.models import register_model
from keras_wa.ranges import Range


@register_model(source="an example of a plug-in")
def small_cnn(
    *,
    image_size: Annotated[int, Range(32, whole=True)] = 64,
    classes: Annotated[int, Range(2, 3, whole=True)] = 2,
    filters: Annotated[int, Range(1, 256, whole=True)] = 16,
) -> keras.Model:
    """Three convolutions with an SE gate each.

    Args:
        image_size: side of the ROI, pixels.
        classes: number of probabilities.
        filters: channels of the first convolution.
    """
    x = inputs = keras.Input((image_size, image_size, 1), name="roi")
    for step in range(3):
        x = layers.Conv2D(filters * 2**step, 3, strides=2, activation="relu")(x)
        x = SqueezeExcite(ratio=4)(x)
    x = layers.GlobalAveragePooling2D()(x)
    head = layers.Dense(
        classes, activation="softmax", dtype="float32", name="predictions"
    )
    return keras.Model(inputs, head(x), name="small_cnn")
