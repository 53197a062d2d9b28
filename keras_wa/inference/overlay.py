"""Pictures of predictions: position, network input and heat map."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from keras_wa.data.io import open_image, stem_of
from keras_wa.explain.figures import gallery, panels
from keras_wa.files import printable, replacing, shortened
from keras_wa.inference.classifier import Classifier
from keras_wa.inference.pictures import Pictures, shrunk
from keras_wa.inference.predicting import Prediction

Pixels = NDArray[np.uint8]

# Side of a mammogram's picture, pixels; it only shows the position of the ROI.
_MOST_PIXELS = 900
_CYAN = (0, 255, 255)


class Overlays:
    """Writes a PNG file for each prediction into a folder, which is created."""

    def __init__(
        self, classifier: Classifier, folder: Path, bits_stored: int | None = None
    ) -> None:
        self.folder = folder
        self._bits_stored = bits_stored
        self._pictures = Pictures(classifier)
        folder.mkdir(parents=True, exist_ok=True)

    def panels(self, prediction: Prediction) -> dict[str, Pixels]:
        """Returns title -> picture of one prediction: ROI, subbands, Grad-CAM."""
        roi = prediction.roi
        if roi is None:
            return {}
        found = self._pictures.of(roi)
        return panels(found.seen, found.bands, found.heat)

    def write(self, number: int, prediction: Prediction) -> Path:
        """Writes the picture of a prediction without an error.

        `number` is in the file's name, since two files may have the same name.
        """
        whole = {"image": _place(prediction, self._bits_stored)}
        row = ("", whole | self.panels(prediction))
        figure = gallery([row], caption(prediction), side=3.2)
        name = shortened(f"{stem_of(prediction.target.file.name)}.png")
        path = self.folder / f"{number:04d}-{name}"
        with replacing(path) as partial:
            figure.savefig(partial, dpi=110)
        return path


def caption(prediction: Prediction) -> str:
    """Formats a prediction in one line."""
    words = f"p(malignant) {prediction.probability:.3f}"
    # Brackets would be read as a confidence interval.
    words += f" ({prediction.low:.3f} to {prediction.high:.3f} over copies)"
    if prediction.malignant is not None:
        words += ", called malignant" if prediction.malignant else ", called benign"
    if prediction.prediction_set in ("both", "none"):
        words += ", indeterminate"
    if prediction.warnings:
        words += ", outside of what the model knows"
    name = printable(prediction.target.file.name)
    return f"{name}: {words}. Research use only."


def _place(prediction: Prediction, bits_stored: int | None) -> Pixels:
    """Draws the whole image with the ROI's window, RGB."""
    image = open_image(prediction.target.file, True, bits_stored).grey()
    small, factor = shrunk(image, _MOST_PIXELS)
    picture = cv2.cvtColor(small, cv2.COLOR_GRAY2RGB)
    if prediction.window is not None:
        window = [round(factor * side) for side in prediction.window]
        cv2.rectangle(picture, window, _CYAN, thickness=max(2, len(picture) // 150))
    return np.asarray(picture, np.uint8)
