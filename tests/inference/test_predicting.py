"""ROIs in any order and of any quality: each gets its own answer."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_wa.data import ReadOptions
from keras_wa.data.io import Box, open_image
from keras_wa.data.io.resize import resize
from keras_wa.data.io.symmetries import apply_symmetry
from keras_wa.inference.classifier import Classifier
from keras_wa.inference.predicting import Prediction, Target, predict_targets
from keras_wa.inference.prediction_files import as_record, header_of, to_json, to_table
from keras_wa.metrics import PredictionSets, apply_temperature

OPTIONS = ReadOptions(crop="roi")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Twelve images of different sizes, of which the sixth is damaged."""
    rng = np.random.default_rng(0)
    paths = []
    for i in range(12):
        path = tmp_path / f"{i:02}.png"
        image = rng.integers(0, 256, (40 + i, 64 - i), "uint8")
        cv2.imwrite(str(path), cv2.GaussianBlur(image, (0, 0), 1 + i / 4))
        paths.append(path)
    paths[5].write_bytes(b"no image")
    return paths


def predict(
    classifier: Classifier, targets: list[Target], tta: int = 8
) -> list[Prediction]:
    return list(predict_targets(classifier, targets, OPTIONS, tta, 16))


def test_every_file_has_its_own_answer_in_order(
    classifier: Classifier, files: list[Path]
) -> None:
    assert predict(classifier, []) == []
    found = predict(classifier, [Target(file) for file in files], 1)
    assert [each.target.file for each in found] == files
    assert [bool(each.error) for each in found] == [i == 5 for i in range(12)]
    assert "05.png" in found[5].error
    for each in found:
        if not each.error:
            (alone,) = predict(classifier, [each.target], 1)
            assert alone.probability == pytest.approx(each.probability, abs=1e-5)
            assert each.low == each.high == each.probability


def test_the_probability_is_calibrated_and_the_interval_that_of_all_views(
    classifier: Classifier, files: list[Path]
) -> None:
    (found,) = predict(classifier, [Target(files[0])])
    roi = resize(cv2.imread(str(files[0]), cv2.IMREAD_GRAYSCALE), (32, 32))
    views = np.stack([apply_symmetry(roi, i) for i in range(8)])
    raw = classifier(views)[:, 1]
    decision = classifier.decision
    assert decision is not None
    wanted = apply_temperature(raw, decision.temperature)
    assert found.probability == pytest.approx(wanted[0], abs=1e-5)
    assert found.low == pytest.approx(wanted.min(), abs=1e-5)
    assert found.high == pytest.approx(wanted.max(), abs=1e-5)
    assert found.low < found.high
    assert len(set(wanted)) == 8
    assert found.malignant is bool(raw[0] >= decision.threshold)
    limit = apply_temperature([decision.threshold], decision.temperature)[0]
    assert found.threshold == pytest.approx(limit)


@pytest.mark.parametrize(
    ("benign_up_to", "malignant_from", "wanted"),
    [(1, 1, "benign"), (0, 0, "malignant"), (1, 0, "both"), (0, 1, "none")],
)
def test_the_prediction_set_has_the_classes_that_are_not_excluded(
    classifier: Classifier,
    files: list[Path],
    benign_up_to: float,
    malignant_from: float,
    wanted: str,
) -> None:
    sets = PredictionSets(0.9, benign_up_to, malignant_from, 50, 50)
    assert classifier.decision is not None
    decision = dataclasses.replace(classifier.decision, prediction_sets=sets)
    changed = dataclasses.replace(classifier, decision=decision)
    (found,) = predict(changed, [Target(files[0])], 1)
    assert found.prediction_set == wanted
    record = json.loads("".join(to_json(header_of(changed), [as_record(found)])))
    assert record["prediction_set_coverage"] == 0.9
    assert record["predictions"][0]["prediction_set"] == wanted
    other = "#" * len(wanted)
    table = to_table([as_record(dataclasses.replace(found, prediction_set=other))])
    assert table.count(other) == 1
    assert to_table([as_record(found)]) == table.replace(other, wanted)


def test_without_a_decision_there_is_a_probability_and_no_call(
    classifier: Classifier, files: list[Path]
) -> None:
    bare = dataclasses.replace(classifier, decision=None)
    (found,) = predict(bare, [Target(files[0])])
    assert found.malignant is None
    assert found.threshold is None
    assert found.prediction_set == ""
    assert as_record(found)["prediction_set"] is None
    assert found.probability == found.probabilities[-1]


def test_box_and_mask_name_the_same_roi(
    classifier: Classifier, files: list[Path], tmp_path: Path
) -> None:
    mask = np.zeros((40, 64), "uint8")
    mask[10:22, 30:40] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    cv2.imwrite(str(tmp_path / "half.png"), mask[::2, ::2])
    by_box, by_mask, by_half, whole = predict(
        classifier,
        [
            Target(files[0], box=Box(30, 10, 10, 12)),
            Target(files[0], mask=tmp_path / "mask.png"),
            Target(files[0], mask=tmp_path / "half.png"),
            Target(files[0]),
        ],
    )
    # 12 pixels and a tenth of that on each side.
    assert by_box.window == by_mask.window == (28, 9, 14, 14)
    assert by_box.probability == by_mask.probability
    assert by_half.window == by_box.window
    (more,) = set(by_half.warnings) - set(by_mask.warnings)
    assert more.startswith("mask: of another size than the image")
    assert whole.window == (0, 0, 64, 40)


def test_a_box_beyond_the_image_is_an_error_of_its_own(
    classifier: Classifier, files: list[Path]
) -> None:
    beyond, fine = predict(
        classifier, [Target(files[0], box=Box(500, 500, 9, 9)), Target(files[1])]
    )
    assert "lies outside the image" in beyond.error
    assert not fine.error


def test_an_image_below_32_px_a_side_is_an_error_and_a_window_in_one_is_not(
    classifier: Classifier, tmp_path: Path
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (31, 40), "uint8")
    cv2.imwrite(str(tmp_path / "low.png"), image)
    whole, lesion = predict(
        classifier,
        [
            Target(tmp_path / "low.png"),
            Target(tmp_path / "low.png", box=Box(2, 2, 9, 9)),
        ],
    )
    assert "low.png: size of the ROI. Received: 31 by 40 pixels" in whole.error
    assert not lesion.error
    assert lesion.window is not None
    assert max(lesion.window[2:]) < 32


def test_targets_are_not_all_asked_for_at_once(
    classifier: Classifier, files: list[Path]
) -> None:
    asked = []

    def targets() -> Iterator[Target]:
        for i in range(100):
            asked.append(i)
            yield Target(files[i % 5])

    predictions = predict_targets(classifier, targets(), OPTIONS, 1, 8)
    next(predictions)
    # Two batches in the network, one that is next, two that are read.
    assert len(asked) <= 5 * 8


def test_an_image_that_is_decoded_already_is_not_read_again_nor_kept(
    classifier: Classifier, files: list[Path]
) -> None:
    image = open_image(files[0])
    (wanted,) = predict(classifier, [Target(files[0])])
    files[0].unlink()
    (found,) = predict(classifier, [Target(files[0], image=image)])
    assert found.probability == wanted.probability
    assert found.target.image is None
