"""A picture shows the place, what the network saw, and where it looked."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_wa.data import ReadOptions
from keras_wa.data.io import Box
from keras_wa.data.io.clahe import clahe
from keras_wa.inference.classifier import Classifier, open_classifier
from keras_wa.inference.overlay import Overlays, caption
from keras_wa.inference.predicting import Prediction, Target, predict_targets


@pytest.fixture
def prediction(classifier: Classifier, tmp_path: Path) -> Prediction:
    path = tmp_path / "$x^{$.png"
    image = np.random.default_rng(0).integers(0, 256, (60, 60), "uint8")
    cv2.imwrite(str(path), cv2.GaussianBlur(image, (0, 0), 2))
    target = Target(path, box=Box(10, 10, 30, 30))
    (found,) = predict_targets(classifier, [target], ReadOptions(crop="roi"))
    return found


def test_a_run_shows_roi_subbands_and_heat(
    classifier: Classifier, tmp_path: Path, prediction: Prediction
) -> None:
    overlays = Overlays(classifier, tmp_path / "out")
    panels = overlays.panels(prediction)
    assert list(panels) == ["ROI", "LL LH / HL HH", "Grad-CAM"]
    assert prediction.roi is not None
    np.testing.assert_array_equal(panels["ROI"], clahe(prediction.roi))
    assert panels["Grad-CAM"].shape == (32, 32, 3)
    path = overlays.write(7, prediction)
    assert path.name == "0007-$x^{$.png"
    picture = cv2.imread(str(path))
    assert picture.shape[1] > 3 * picture.shape[0]
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_savedmodel_shows_what_it_can(
    finished: Path, tmp_path: Path, prediction: Prediction
) -> None:
    overlays = Overlays(open_classifier(finished / "saved_model"), tmp_path / "out")
    titles = ["ROI", "LL LH / HL HH"]
    assert list(overlays.panels(prediction)) == titles
    assert overlays.write(0, prediction).is_file()


def test_the_caption_says_what_was_found_and_what_it_is_for(
    prediction: Prediction,
) -> None:
    sure = dataclasses.replace(
        prediction,
        probability=0.5,
        low=0.25,
        high=0.75,
        malignant=True,
        prediction_set="malignant",
        warnings=(),
    )
    assert caption(sure) == (
        "$x^{$.png: p(malignant) 0.500 (0.250 to 0.750 over copies), called malignant. "
        "Research use only."
    )
    unsure = dataclasses.replace(sure, prediction_set="none")
    assert ", called malignant, indeterminate. Research" in caption(unsure)
    strange = dataclasses.replace(sure, malignant=None, warnings=("size: tiny",))
    assert "over copies), outside of what the model knows" in caption(strange)
