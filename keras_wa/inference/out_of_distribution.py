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

REASONS = ("size", "field of view", "edge", "intensity")
"""The first words of `out_of_distribution_warnings`, before the colon."""

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
    """Lists differences of an ROI, `(h, w)`, from the training ROIs, a sentence each.

    Only simple statistics are compared: an ROI without differences may still be out of
    distribution. `resized` is the ROI at the model's size, before enhancement; `facts`
    has `size_mm` and `padding`, see `keras_wa.data.Roi`.
    """
    size, found = classifier.image_size, []
    height, width = raw.shape
    if 2 * min(height, width) < size:
        found.append(
            f"size: {width} by {height} px, enlarged more than twofold to the {size} "
            "px that the model sees"
        )
    field, trained = float(np.mean(facts.get("size_mm", 0))), classifier.field_mm
    is_cut = classifier.crop == "fixed" and "size_mm" in facts
    if is_cut and not trained / _SCALE <= field <= trained * _SCALE:
        found.append(
            f"field of view: {field:.1f} mm; the training ROIs had {trained:g} mm, so "
            "calcifications have another size here"
        )
    padding = float(facts.get("padding", 0.0))
    if padding > 0.25:
        found.append(f"edge: {padding:.0%} of the ROI lies outside the image")
    if raw.max() <= 1:
        found.append(
            "intensity: no grey level is above 1. Grey levels are 0 to 255; multiply "
            "an image of [0, 1] by 255"
        )
    if classifier.decision is not None:
        statistics = statistics_of_one(resized)
        found += [
            f"intensity: {_WORDS.get(name, name)} {statistics[name]:.0f}; 99 % of the "
            f"training ROIs lie between {low:.0f} and {high:.0f}"
            for name, (low, high) in classifier.decision.grey.items()
            if not low <= statistics[name] <= high
        ]
    return found
