"""What the pipeline does to a ROI, as part of a model."""

from __future__ import annotations

import keras

from keras_wa.layers import CLAHE, DWT2D, Resize2D
from keras_wa.training.config import TrainConfig


def preparing_model(config: TrainConfig) -> keras.Model:
    """Everything that the pipeline did to a ROI before the network.

    Args:
        config: `image_size, enhance, clip_limit, tiles, input_wavelet` are read.

    Returns:
        A model from `(batch, height, width, 1)` uint8, raw grey, any size of at least
        32 px, to what the network takes. It resizes, enhances, scales and, where the
        pipeline did, transforms.
    """
    roi = keras.Input((None, None, 1), dtype="uint8", name="roi")
    size = config.image_size
    pixels = Resize2D(size, size, dtype="float32", name="resize")(roi)
    if config.enhance == "clahe":
        tiles = (config.tiles, config.tiles)
        pixels = CLAHE(config.clip_limit, tiles, dtype="float32", name="clahe")(pixels)
    inputs = keras.layers.Rescaling(1 / 255, dtype="float32", name="scale")(pixels)
    wavelet = config.input_wavelet
    if wavelet is not None:
        inputs = DWT2D(wavelet=wavelet, dtype="float32", name="dwt_input")(inputs)
    return keras.Model(roi, inputs, name="prepare")
