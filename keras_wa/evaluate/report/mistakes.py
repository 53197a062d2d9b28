"""A model's most confident mistakes, with input, subbands and heat maps."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from keras_wa.evaluate.pages.svg import slug
from keras_wa.explain.figures import panels
from keras_wa.explain.gradcam import grad_cam
from keras_wa.explain.model_inputs import model_inputs
from keras_wa.explain.subbands import image_wavelet, subband_pictures
from keras_wa.files import replacing, write_json
from keras_wa.training.data import RunData

Pixels = NDArray[np.uint8]

DESCRIPTORS = (
    "morphology",
    "distribution",
    "assessment",
    "subtlety",
    "density",
    "breast",
    "view",
)
"""Columns of the case table that describe an ROI, in display order."""

RECORD = "mistakes/mistakes.json"
"""Path of the record in the evaluation's folder; the images are beside it."""

# Larger images would make the page too large to send.
_MOST_PIXELS = 160


@dataclasses.dataclass(frozen=True)
class Mistake:
    """An ROI on the wrong side of the threshold.

    Attributes:
        roi_id, patient_id: the ROI and its patient.
        label: 0 or 1.
        probability: predicted probability of malignancy.
        descriptors: known descriptors, by name.
        pictures: title -> image, uint8 of shape `(H, W)` or `(H, W, 3)` in RGB order.
    """

    roi_id: str
    patient_id: str
    label: int
    probability: float
    descriptors: dict[str, str]
    pictures: dict[str, Pixels]

    @property
    def caption(self) -> str:
        """Returns a description without the ROI's name."""
        kind = "malignant" if self.label else "benign"
        words = [
            f"{kind}, predicted probability of malignancy {self.probability:.3f}",
            f"patient {self.patient_id}",
            *(f"{name} {value}" for name, value in self.descriptors.items()),
        ]
        return "; ".join(words)


@dataclasses.dataclass(frozen=True)
class Mistakes:
    """The most confident mistakes.

    Attributes:
        missed: malignant ROIs with the lowest probabilities.
        false_alarms: benign ROIs with the highest probabilities.
        note: why there are no heat maps, `""` if there are.
    """

    missed: list[Mistake]
    false_alarms: list[Mistake]
    note: str = ""

    @property
    def titles(self) -> set[str]:
        """Returns the titles of all images."""
        every = [*self.missed, *self.false_alarms]
        return {title for mistake in every for title in mistake.pictures}


def write_mistakes(mistakes: Mistakes, folder: Path) -> None:
    """Writes the mistakes and their images into an evaluation's folder, atomically."""
    record = dataclasses.asdict(mistakes)
    file = folder / RECORD
    with replacing(file.parent) as partial:
        partial.mkdir(parents=True)
        for kind in ("missed", "false_alarms"):
            for number, each in enumerate(record[kind], start=1):
                for title, picture in each["pictures"].items():
                    name = f"{kind}-{number}-{slug(title)}.png"
                    Image.fromarray(picture).save(partial / name)
                    each["pictures"][title] = name
        write_json(partial / file.name, record)


def read_mistakes(folder: Path) -> Mistakes:
    """Reads the mistakes that `write_mistakes` wrote.

    Raises:
        OSError, ValueError, KeyError, TypeError: the record cannot be read.
    """
    file = folder / RECORD
    record = json.loads(file.read_text(encoding="utf-8"))
    for each in (*record["missed"], *record["false_alarms"]):
        for title, name in each["pictures"].items():
            each["pictures"][title] = np.asarray(Image.open(file.with_name(name)))
    missed, alarms = (
        [Mistake(**each) for each in record[kind]]
        for kind in ("missed", "false_alarms")
    )
    return Mistakes(missed, alarms, record["note"])


def most_confident_mistakes(
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    threshold: float,
    most: int = 4,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Finds the mistakes that are farthest from the threshold, at most so many.

    Returns:
        Positions of missed malignant ROIs, the lowest probability first, and of false
        alarms, the highest first. Ties keep their order.
    """
    positive = probabilities >= threshold
    order = np.argsort(probabilities, kind="stable")
    falling = np.argsort(-probabilities, kind="stable")
    missed = [i for i in order if labels[i] == 1 and not positive[i]]
    alarms = [i for i in falling if labels[i] == 0 and positive[i]]
    return np.array(missed[:most], np.int64), np.array(alarms[:most], np.int64)


def show_mistakes(
    model: keras.Model,
    data: RunData,
    split: str,
    predictions: pd.DataFrame,
    threshold: float,
) -> Mistakes:
    """Draws the most confident mistakes of a model on a part of the split.

    Each has the network's input, its subbands if the network has them, and Grad-CAM if
    the network allows it. The predictions are in the order of the part's ROIs.
    """
    missed, alarms = most_confident_mistakes(
        predictions["label"].to_numpy(np.int64),
        predictions["probability"].to_numpy(np.float64),
        threshold,
    )
    chosen = np.concatenate([missed, alarms])
    if not len(chosen):
        return Mistakes([], [])
    pixels = data.part(split).read(chosen)
    pictures, note = _pictures(model, pixels, data.wavelet)
    cases = data.cases_of(split).iloc[chosen]
    found = [
        Mistake(
            roi_id=str(case["roi_id"]),
            patient_id=str(case["patient_id"]),
            label=int(case["label"]),
            probability=float(predictions["probability"].iloc[at]),
            descriptors={
                name: str(case[name]) for name in DESCRIPTORS if pd.notna(case[name])
            },
            pictures={title: small(each) for title, each in drawn.items()},
        )
        for at, (_, case), drawn in zip(chosen, cases.iterrows(), pictures, strict=True)
    ]
    return Mistakes(found[: len(missed)], found[len(missed) :], note)


def small(picture: Pixels) -> Pixels:
    """Reduces an image to at most 160 pixels per side, by averaging."""
    height, width = picture.shape[:2]
    factor = _MOST_PIXELS / max(height, width)
    if factor >= 1:
        return picture
    size = (round(width * factor), round(height * factor))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _pictures(
    model: keras.Model, pixels: Pixels, wavelet: str | None
) -> tuple[list[dict[str, Pixels]], str]:
    """Returns the images of each ROI, and why there are no heat maps."""
    rois = np.asarray(pixels, np.float32) / np.float32(255)
    bands: Sequence[Pixels | None] = [None] * len(rois)
    heat: Sequence[NDArray[np.float32] | None] = [None] * len(rois)
    transform = wavelet or image_wavelet(model)
    if transform is not None:
        bands = list(subband_pictures(rois, transform))
    note = ""
    try:
        inputs = model_inputs(rois, wavelet)
        heat = list(grad_cam(model, inputs, size=pixels.shape[1:3]))
    except ValueError as error:
        # The network has no feature map or does not end in a dense layer.
        note = f"There are no heat maps. {error}"
    return [panels(*each) for each in zip(pixels, bands, heat, strict=True)], note
