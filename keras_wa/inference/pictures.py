"""What a model saw of a ROI and where it looked, as pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from keras_wa.explain.gradcam import make_grad_cam
from keras_wa.explain.inputs import model_inputs
from keras_wa.explain.subbands import subband_pictures
from keras_wa.inference.classifier import Classifier

Pixels = NDArray[np.uint8]
Heat = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class RoiPictures:
    """Of one ROI.

    Attributes:
        seen: uint8 `(size, size)`, enhanced, as the network sees it.
        bands: uint8 `(4, h, w)`, its subbands LL, LH, HL, HH made visible; `None` of a
            network that sees none.
        heat: float32 `(size, size)` in [0, 1], Grad-CAM of malignant; `None` where
            there is none.
    """

    seen: Pixels
    bands: Pixels | None
    heat: Heat | None


class Pictures:
    """Makes the pictures of ROIs.

    Args:
        classifier: the model. A SavedModel has heat if it was exported to explain.

    Attributes:
        why_no_heat: a sentence; `""` if there is heat.
    """

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self.why_no_heat = ""
        self._heat: Callable[[Pixels, NDArray[np.float32]], Heat] | None = None
        if classifier.explain is not None:
            self._heat = self._heat_of_export
        elif classifier.open_network is None or classifier.config is None:
            self.why_no_heat = (
                "This SavedModel cannot explain. Export it with "
                "`export_saved_model(explain=True)`, or name the run."
            )
        else:
            self._use_network()

    def of(self, roi: Pixels) -> RoiPictures:
        """The pictures of one ROI, uint8 `(size, size)`, as it is before enhancement.

        The first call takes longer, since TensorFlow traces what the network does.
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

    def _use_network(self) -> None:
        open_network, config = self._classifier.open_network, self._classifier.config
        assert open_network is not None
        assert config is not None
        side = self._classifier.image_size
        try:
            explain = make_grad_cam(open_network(), size=(side, side))
        except ValueError as error:
            # Networks without a feature map, or without a dense layer at their end.
            self.why_no_heat = f"This network has no heat map. {error}"
            return
        wavelet = config.input_wavelet
        self._heat = lambda _, images: explain(model_inputs(images, wavelet))

    def _heat_of_export(self, roi: Pixels, _: NDArray[np.float32]) -> Heat:
        assert self._classifier.explain is not None
        found = self._classifier.explain(tf.constant(roi[np.newaxis, ..., np.newaxis]))
        return np.asarray(found["heat"], np.float32)
