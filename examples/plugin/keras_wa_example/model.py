"""A model: `keras-wa train --model small_cnn`."""

import keras
from keras import layers

from keras_wa.layers import SqueezeExcite
from keras_wa.models import register_model


@register_model(source="an example of a plug-in")
def small_cnn(*, image_size: int = 64, filters: int = 16) -> keras.Model:
    """Three convolutions with an SE gate each.

    Args:
        image_size: side of the ROI, pixels.
        filters: channels of the first convolution.
    """
    x = inputs = keras.Input((image_size, image_size, 1), name="roi")
    for step in range(3):
        x = layers.Conv2D(filters * 2**step, 3, strides=2, activation="relu")(x)
        x = SqueezeExcite(ratio=4)(x)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(2, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="small_cnn")
