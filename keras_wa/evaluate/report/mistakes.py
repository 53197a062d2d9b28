"""The mistakes that a model was surest of, with what it saw and where it looked."""

from __future__ import annotations

import dataclasses

import cv2
import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_wa.explain.figures import mosaic, overlay
from keras_wa.explain.gradcam import grad_cam
from keras_wa.explain.inputs import model_inputs
from keras_wa.explain.subbands import image_wavelet, subband_pictures
from keras_wa.training.data import RunData

Pixels = NDArray[np.uint8]

BANDS_TITLE, HEAT_TITLE = "LL LH / HL HH", "Grad-CAM"
"""Titles of the pictures of the subbands and of the heat map."""

DESCRIPTORS = (
    "morphology",
    "distribution",
    "assessment",
    "subtlety",
    "density",
    "breast",
    "view",
)
"""What the case table may know of a ROI, in the order in which it is told."""

# Larger pictures would make the page too heavy to be sent.
_MOST_PIXELS = 160


@dataclasses.dataclass(frozen=True)
class Mistake:
    """One ROI on the wrong side of the threshold.

    Attributes:
        roi_id, patient_id: which.
        label: 0 or 1.
        probability: of malignancy.
        descriptors: what is known of it, by name.
        pictures: title to picture, uint8 `(H, W)` or `(H, W, 3)` RGB.
    """

    roi_id: str
    patient_id: str
    label: int
    probability: float
    descriptors: dict[str, str]
    pictures: dict[str, Pixels]


@dataclasses.dataclass(frozen=True)
class Mistakes:
    """The surest mistakes.

    Attributes:
        missed: malignant ROIs of the lowest probabilities.
        false_alarms: benign ROIs of the highest.
        note: why there are no heat maps, `""` if there are.
    """

    missed: list[Mistake]
    false_alarms: list[Mistake]
    note: str = ""

    @property
    def titles(self) -> set[str]:
        """The kinds of pictures that there are."""
        every = [*self.missed, *self.false_alarms]
        return {title for mistake in every for title in mistake.pictures}


def surest_mistakes(
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    threshold: float,
    most: int = 4,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Finds the mistakes that lie farthest from the threshold.

    Args:
        labels: `(n,)`, 0 or 1.
        probabilities: `(n,)`; positive if `p >= threshold`.
        threshold: of the decision.
        most: of each kind, at most.

    Returns:
        Positions of missed malignant ROIs, the lowest probability first, and of false
        alarms, the highest first. Of equal ones the earlier comes first.
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
    """Draws the surest mistakes of a model.

    Args:
        model: the classifier that predicted.
        data: the run's ROIs.
        split: the part that was predicted.
        predictions: of that part, row i for its ROI i, with `label` and `probability`.
        threshold: of the decision.

    Returns:
        The mistakes, each with the ROI as the network gets it, its subbands where the
        network has them, and Grad-CAM where the network allows it.
    """
    missed, alarms = surest_mistakes(
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
    """A picture of at most 160 pixels a side, by averaging; small ones as they are."""
    height, width = picture.shape[:2]
    factor = _MOST_PIXELS / max(height, width)
    if factor >= 1:
        return picture
    size = (round(width * factor), round(height * factor))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _pictures(
    model: keras.Model, pixels: Pixels, wavelet: str | None
) -> tuple[list[dict[str, Pixels]], str]:
    """The pictures of each ROI, and why there are no heat maps."""
    rois = np.asarray(pixels, np.float32) / np.float32(255)
    found: list[dict[str, Pixels]] = [{"ROI": each} for each in pixels]
    transform = wavelet or image_wavelet(model)
    if transform is not None:
        bands = subband_pictures(rois, transform)
        for drawn, each in zip(found, bands, strict=True):
            drawn[BANDS_TITLE] = mosaic(each)
    try:
        heat = grad_cam(model, model_inputs(rois, wavelet), size=pixels.shape[1:3])
    except ValueError as error:
        # Networks without a feature map, or without a dense layer at their end.
        return found, f"There are no heat maps. {error}"
    for drawn, image, each in zip(found, pixels, heat, strict=True):
        drawn[HEAT_TITLE] = overlay(image, each)
    return found, ""
