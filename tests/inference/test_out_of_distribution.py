"""A ROI of another kind is told, with what was found and what was expected."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_wa.inference.classifier import Classifier
from keras_wa.inference.out_of_distribution import out_of_distribution_warnings
from keras_wa.training.data import load_data
from keras_wa.training.run import Run


@pytest.fixture(scope="module")
def rois(finished: Path) -> np.ndarray:
    data = load_data(Run.open(finished).config)
    return np.asarray(data.raw[(data.cases["split"] == "train").to_numpy()])


def reasons(classifier: Classifier, roi: np.ndarray, **facts: Any) -> list[str]:
    return out_of_distribution_warnings(classifier, roi, roi, facts)


def test_few_training_rois_are_unfamiliar(
    classifier: Classifier, rois: np.ndarray
) -> None:
    strange = [bool(reasons(classifier, roi)) for roi in rois]
    # Each of four numbers leaves out one in a hundred.
    assert np.mean(strange) <= 0.08


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda roi: roi // 8, "mean grey level"),
        (lambda roi: 255 - roi // 16, "mean grey level"),
        (lambda roi: np.full_like(roi, 128), "standard deviation"),
    ],
)
def test_other_grey_levels_are_unfamiliar(
    classifier: Classifier, rois: np.ndarray, change: Any, word: str
) -> None:
    said = reasons(classifier, change(rois[0]))
    assert any(each.startswith("intensity: ") and word in each for each in said)


def test_size_field_and_edge_are_told(classifier: Classifier, rois: np.ndarray) -> None:
    roi = rois[0]
    facts = {"size_mm": [8.0, 8.0], "padding": 0.0}
    assert reasons(classifier, roi, **facts) == reasons(classifier, roi)
    wide = reasons(classifier, roi, size_mm=[30.0, 30.0])
    assert any(each.startswith("field of view: 30.0 mm") for each in wide)
    cut_off = reasons(classifier, roi, padding=0.4)
    assert "edge: 40% of the ROI lies outside the image" in cut_off
    small = out_of_distribution_warnings(classifier, roi[:10, :10], roi, {})
    assert any(each.startswith("size: 10 by 10 px") for each in small)


def test_of_a_model_that_knows_nothing_of_its_rois_grey_levels_say_nothing(
    classifier: Classifier, rois: np.ndarray
) -> None:
    bare = dataclasses.replace(classifier, decision=None)
    assert reasons(bare, rois[0] // 8) == []
    # But for an image of [0, 1], which is black to every model.
    (said,) = reasons(bare, rois[0] // 128)
    assert said.startswith("intensity: no grey level is above 1")
