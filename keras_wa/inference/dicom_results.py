"""Predictions of a DICOM image as a structured report and a secondary capture."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import pydicom
from numpy.typing import NDArray

from keras_wa import __version__
from keras_wa.data.io import is_dicom, open_image, stem_of
from keras_wa.errors import UserError
from keras_wa.files import shortened
from keras_wa.inference.classifier import Classifier
from keras_wa.inference.dicom_out import (
    Algorithm,
    Finding,
    not_taken_over,
    secondary_capture,
    size_of,
    structured_report,
    write_dicom,
)
from keras_wa.inference.pictures import shrunk
from keras_wa.inference.predicting import Prediction

# A secondary capture is not compressed: 2048 px a side take about 10 MB.
_MOST_PIXELS = 2048
_MALIGNANT, _OTHER = (255, 64, 64), (0, 255, 255)


def algorithm_of(classifier: Classifier) -> Algorithm:
    """Returns the name, version and weights that identify the algorithm."""
    if not classifier.weights:
        raise UserError(
            f"{classifier.source}: results as DICOM name the weights. Received: a "
            "model whose card has no digest of them; expected one. Export it again."
        )
    return Algorithm(
        name=f"keras_wa, trained on {classifier.trained_on}"[:64],
        version=f"{__version__}, weights {classifier.weights}"[:64],
        maker="keras_wa",
        description=(
            "Research software. Not a medical device. The range of a probability is "
            "the least and the greatest one over turned and mirrored copies of the "
            "ROI; it is no confidence interval."
        ),
    )


def write_results(
    classifier: Classifier,
    predictions: Sequence[Prediction],
    folder: Path,
    number: int,
    when: datetime,
) -> list[Path]:
    """Writes the predictions of one DICOM image to a report and a secondary capture.

    Args:
        classifier: the model.
        predictions: predictions of one file, at least one, none with an error.
        folder: folder of the two files.
        number: number in their names, since two images may have the same name.
        when: their time.
    """
    file = predictions[0].target.file
    if not is_dicom(file):
        raise UserError(
            f"{file}: results as DICOM. Received: an image of another format; expected "
            "DICOM, whose patient and study the results belong to."
        )
    # DICOM without a preamble is accepted.
    source = pydicom.dcmread(file, force=True)
    algorithm = algorithm_of(classifier)
    rows, columns = size_of(source)
    coverage = classifier.prediction_set_coverage
    findings = [finding_of(each, columns, rows, coverage) for each in predictions]
    results = {
        "report": structured_report(source, findings, algorithm, when),
        "overlay": secondary_capture(source, draw(predictions), algorithm, when),
    }
    paths = []
    for kind, dataset in results.items():
        name = shortened(f"{stem_of(file.name)}-{kind}.dcm")
        paths.append(folder / f"{number:04d}-{name}")
        write_dicom(dataset, paths[-1])
    return paths


def notes_on(file: Path) -> list[str]:
    """Returns a sentence on each attribute that the results do not copy."""
    source = pydicom.dcmread(file, stop_before_pixels=True, force=True)
    return [f"{file}: {note}" for note in not_taken_over(source)]


def finding_of(
    prediction: Prediction, columns: int, rows: int, coverage: float | None = None
) -> Finding:
    """Converts a prediction to a finding: the lesion's box, else the ROI, clipped."""
    left, top, width, height = _region(prediction)
    box = (
        min(max(left, 0), columns - 1),
        min(max(top, 0), rows - 1),
        max(min(left + width, columns), 1),
        max(min(top + height, rows), 1),
    )
    threshold = prediction.threshold
    called = prediction.malignant
    if threshold is not None and called is not (prediction.probability >= threshold):
        threshold = None  # Equal, apart from rounding in the calibration.
    comments = prediction.warnings
    if prediction.members_low is not None:
        comments += (
            "Members of the ensemble: probabilities from "
            f"{prediction.members_low:.3f} to {prediction.members_high:.3f}.",
        )
    return Finding(
        box=box,
        probability=prediction.probability,
        low=prediction.low,
        high=prediction.high,
        decision=called,
        threshold=threshold,
        prediction_set=prediction.prediction_set,
        coverage=coverage if prediction.prediction_set else None,
        warnings=comments,
    )


def draw(predictions: Sequence[Prediction]) -> NDArray[np.uint8]:
    """Draws the image with each ROI's region and probability, uint8 RGB `(H, W, 3)`.

    At most 2048 px a side. Red: malignant; cyan: not, or unknown.
    """
    image = open_image(predictions[0].target.file, for_processing=True).grey()
    small, factor = shrunk(image, _MOST_PIXELS)
    picture = cv2.cvtColor(small, cv2.COLOR_GRAY2RGB)
    thick = max(1, round(max(small.shape) / 700))
    for each in predictions:
        left, top, width, height = (factor * side for side in _region(each))
        colour = _MALIGNANT if each.malignant else _OTHER
        start = (round(left), round(top))
        cv2.rectangle(
            picture, start, (round(left + width), round(top + height)), colour, thick
        )
        cv2.putText(
            picture,
            f"{each.probability:.2f}",
            (start[0], max(start[1] - 4 * thick, 12 * thick)),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.5 * thick,
            colour,
            thick,
        )
    return np.asarray(picture, np.uint8)


def _region(prediction: Prediction) -> tuple[int, int, int, int]:
    box = prediction.target.box
    if box is not None:
        return box.left, box.top, box.width, box.height
    assert prediction.window is not None
    return prediction.window
