"""Pictures of a model's input and heat map."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from keras_wa.explain.gradcam import make_grad_cam
from keras_wa.explain.model_inputs import model_inputs
from keras_wa.explain.subbands import subband_pictures
from keras_wa.inference.classifier import Classifier

Pixels = NDArray[np.uint8]
Heat = NDArray[np.float32]


def shrunk(image: Pixels, most: int) -> tuple[Pixels, float]:
    """Returns an image of at most `most` pixels a side, and the factor to it."""
    factor = min(1.0, most / max(image.shape))
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), float(factor)


@dataclasses.dataclass(frozen=True)
class RoiPictures:
    """Pictures of one ROI.

    Attributes:
        seen: the enhanced ROI, uint8 `(size, size)`.
        bands: its subbands LL, LH, HL, HH as pictures, uint8 `(4, h, w)`; None if the
            network uses none.
        heat: Grad-CAM of malignant, float32 `(size, size)` in [0, 1]; None if there is
            none.
    """

    seen: Pixels
    bands: Pixels | None
    heat: Heat | None


class Pictures:
    """Computes the pictures of ROIs; a SavedModel has heat if exported with `explain`.

    Attributes:
        why_no_heat: reason for missing heat, or `""`.
    """

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self.why_no_heat = ""
        self._heat: Callable[[Pixels, NDArray[np.float32]], Heat] | None = None
        if classifier.explain is not None:
            self._heat = self._heat_of_export
        elif classifier.open_network is None:
            self.why_no_heat = (
                "This SavedModel cannot explain. Export it with "
                "`export_saved_model(explain=True)`, or name the run."
            )
        else:
            self._use_network(classifier.open_network())

    def of(self, roi: Pixels) -> RoiPictures:
        """Computes the pictures of one ROI, uint8 `(size, size)`, before enhancement.

        The first call is slower, since TensorFlow traces the network.
        """
        classifier = self._classifier
        seen = classifier.enhancement(roi)
        images = np.asarray(seen, np.float32)[np.newaxis] / np.float32(255)
        bands = heat = None
        if classifier.wavelet is not None:
            (bands,) = subband_pictures(images, classifier.wavelet)
        if self._heat is not None:
            (heat,) = self._heat(roi, images)
        return RoiPictures(seen, bands, heat)

    def _use_network(self, network: keras.Model) -> None:
        side = self._classifier.image_size
        try:
            explain = make_grad_cam(network, size=(side, side))
        except ValueError as error:
            # Networks without a feature map, or without a final dense layer.
            self.why_no_heat = f"This network has no heat map. {error}"
            return
        # Of a network that takes subbands, not the ROI.
        wavelet = self._classifier.wavelet if network.input_shape[-1] > 1 else None
        self._heat = lambda _, images: explain(model_inputs(images, wavelet))

    def _heat_of_export(self, roi: Pixels, _: NDArray[np.float32]) -> Heat:
        assert self._classifier.explain is not None
        found = self._classifier.explain(tf.constant(roi[np.newaxis, ..., np.newaxis]))
        return np.asarray(found["heat"], np.float32)
