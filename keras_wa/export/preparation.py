"""Preprocessing of ROIs as a model."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras

from keras_wa.layers import CLAHE, DWT2D, Resize2D
from keras_wa.training.config import TrainConfig


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """Preprocessing of a raw ROI for a network.

    `enhance` is `"clahe"` or `"none"`, `tiles` is their number per side, `wavelet` that
    of a network that takes subbands, or None.
    """

    image_size: int = 224
    enhance: str = "clahe"
    clip_limit: float = 2.0
    tiles: int = 8
    wavelet: str | None = None

    @classmethod
    def of_config(cls, config: TrainConfig) -> Preprocessing:
        """Returns the preprocessing of a run."""
        return cls(
            config.image_size,
            config.enhance,
            config.clip_limit,
            config.tiles,
            config.input_wavelet,
        )

    def to_card(self) -> dict[str, Any]:
        """Returns the entry `inside` of a SavedModel's card, see `model_card`."""
        return {
            "resize": [self.image_size, self.image_size],
            "enhance": self.enhance,
            "clip_limit": self.clip_limit,
            "tiles": self.tiles,
        }


def preparing_model(preprocessing: Preprocessing) -> keras.Model:
    """Builds the preprocessing of the pipeline as a model.

    It maps raw grey ROIs, uint8 `(batch, height, width, 1)`, of at least 32 px, to the
    network's input: it resizes, enhances, scales and, for subbands, transforms.
    """
    p = preprocessing
    roi = keras.Input((None, None, 1), dtype="uint8", name="roi")
    pixels = Resize2D(p.image_size, p.image_size, dtype="float32", name="resize")(roi)
    if p.enhance == "clahe":
        clahe = CLAHE(p.clip_limit, (p.tiles, p.tiles), dtype="float32", name="clahe")
        pixels = clahe(pixels)
    inputs = keras.layers.Rescaling(1 / 255, dtype="float32", name="scale")(pixels)
    if p.wavelet is not None:
        inputs = DWT2D(wavelet=p.wavelet, dtype="float32", name="dwt_input")(inputs)
    return keras.Model(roi, inputs, name="prepare")
