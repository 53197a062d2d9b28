"""Out-of-distribution check: how an ROI differs from the training ROIs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_wa.metrics.baselines import statistics_of_one

if TYPE_CHECKING:
    # This import loads TensorFlow, which decoding does not wait for.
    from keras_wa.inference.classifier import Classifier

Pixels = NDArray[np.uint8]

_WORDS = {
    "mean": "mean grey level",
    "standard_deviation": "standard deviation of the grey levels",
    "maximum": "brightest grey level",
    "max_minus_median": "brightest minus median grey level",
}
# Larger factors give a scale that no training ROI had.
_SCALE = 1.5


def out_of_distribution_warnings(
    classifier: Classifier,
    raw: Pixels,
    resized: Pixels,
    facts: Mapping[str, Any],
) -> list[str]:
    """Lists differences of an ROI from the training ROIs, a sentence each.

    Only simple statistics are compared: an ROI without differences may still be out of
    distribution.

    Args:
        classifier: the model.
        raw: the ROI, `(h, w)`.
        resized: the ROI at the model's size, before enhancement.
        facts: `size_mm` and `padding`, see `keras_wa.data.Roi`.
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
