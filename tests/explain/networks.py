"""Small networks whose explanations can be worked out by hand."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers


def gap_network(
    channels: int = 3, size: int = 16, seed: int = 0, stride: int = 2
) -> keras.Model:
    """Convolution, global average pooling, dense: Grad-CAM equals CAM here."""
    keras.utils.set_random_seed(seed)
    roi = keras.Input((size, size, 1))
    x = layers.Conv2D(channels, 3, strides=stride, padding="same", name="conv")(roi)
    x = layers.Activation("relu", name="map")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(roi, layers.Dense(2, activation="softmax", name="head")(x))


def smooth_network(size: int = 16, seed: int = 0) -> keras.Model:
    """Two convolutions without kinks, so that finite differences are exact enough."""
    keras.utils.set_random_seed(seed)
    roi = keras.Input((size, size, 1))
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="tanh", name="a")(roi)
    x = layers.Conv2D(5, 3, strides=2, padding="same", activation="tanh", name="b")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(6, activation="tanh")(x)
    return keras.Model(roi, layers.Dense(2, activation="softmax", name="head")(x))


def spot_network(size: int = 16) -> keras.Model:
    """The malignant logit counts pixels brighter than one half; nothing is learned."""
    model = gap_network(1, size, stride=1)
    kernel = np.zeros((3, 3, 1, 1), np.float32)
    kernel[1, 1] = 1
    model.get_layer("conv").set_weights([kernel, np.array([-0.5], np.float32)])
    model.get_layer("head").set_weights(
        [np.array([[-9.0, 9.0]], np.float32), np.zeros(2, np.float32)]
    )
    return model


def spots(n: int, size: int = 16, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """ROIs `(n, size, size)` with one bright 2x2 spot each, and its masks."""
    rng = np.random.default_rng(seed)
    rois = rng.uniform(0, 0.4, (n, size, size)).astype(np.float32)
    masks = np.zeros(rois.shape, bool)
    for mask, (top, left) in zip(masks, rng.integers(0, size - 1, (n, 2)), strict=True):
        mask[top : top + 2, left : left + 2] = True
    rois[masks] = 1.0
    return rois, masks
