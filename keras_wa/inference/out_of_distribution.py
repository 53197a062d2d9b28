"""Whether a ROI is of the kind that a model was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_wa.metrics.baselines import statistics_of_one

if TYPE_CHECKING:
    # It imports TensorFlow, which a mammogram is not kept waiting for.
    from keras_wa.inference.classifier import Classifier

Pixels = NDArray[np.uint8]

_WORDS = {
    "mean": "mean grey level",
    "standard_deviation": "standard deviation of the grey levels",
    "maximum": "brightest grey level",
    "max_minus_median": "brightest minus median grey level",
}
# Beyond it a ROI is enlarged or shrunk to a scale that no training ROI had.
_SCALE = 1.5


def unfamiliar(
    classifier: Classifier,
    raw: Pixels,
    resized: Pixels,
    facts: Mapping[str, Any],
) -> list[str]:
    """Why a ROI may be outside of what a model knows.

    A ROI that passes can still be of another kind: these are the differences that can
    be told from numbers.

    Args:
        classifier: the model.
        raw: the ROI as it was cut, `(h, w)`.
        resized: the same at the size that the model sees, before enhancement.
        facts: of `keras_wa.data.Roi`: `size_mm`, `padding`.

    Returns:
        Sentences, each with what was found and what the training ROIs had; none if
        nothing was noticed.
    """
    return [
        *_size(classifier, raw),
        *_field(classifier, facts),
        *_beyond(facts),
        *_black(raw),
        *_grey(classifier, resized),
    ]


def _size(classifier: Classifier, raw: Pixels) -> list[str]:
    side = min(raw.shape)
    if 2 * side >= classifier.image_size:
        return []
    return [
        f"size: {raw.shape[1]} by {raw.shape[0]} px, enlarged more than twofold to the "
        f"{classifier.image_size} px that the model sees"
    ]


def _field(classifier: Classifier, facts: Mapping[str, Any]) -> list[str]:
    if classifier.crop != "fixed" or "size_mm" not in facts:
        return []
    size = float(np.mean(facts["size_mm"]))
    if classifier.field_mm / _SCALE <= size <= classifier.field_mm * _SCALE:
        return []
    return [
        f"field of view: {size:.1f} mm; the training ROIs had {classifier.field_mm:g} "
        "mm, so calcifications have another size here"
    ]


def _beyond(facts: Mapping[str, Any]) -> list[str]:
    padding = float(facts.get("padding", 0.0))
    if padding <= 0.25:
        return []
    return [f"edge: {padding:.0%} of the ROI lies beyond the image"]


def _black(raw: Pixels) -> list[str]:
    if raw.max() > 1:
        return []
    return [
        "intensity: no grey level is above 1. Grey levels are 0 to 255; multiply an "
        "image of [0, 1] by 255"
    ]


def _grey(classifier: Classifier, resized: Pixels) -> list[str]:
    if classifier.decision is None:
        return []
    found = statistics_of_one(resized)
    reasons = []
    for name, (low, high) in classifier.decision.grey.items():
        if not low <= found[name] <= high:
            reasons.append(
                f"intensity: {_WORDS.get(name, name)} {found[name]:.0f}; 99 % of the "
                f"training ROIs lie between {low:.0f} and {high:.0f}"
            )
    return reasons
