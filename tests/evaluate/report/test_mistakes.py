"""The mistakes shown are the surest ones, with the pictures of those very ROIs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from keras_wa.evaluate.report.mistakes import (
    Mistakes,
    most_confident_mistakes,
    read_mistakes,
    show_mistakes,
    small,
    write_mistakes,
)
from keras_wa.training.best import load_best
from keras_wa.training.data import load_data
from keras_wa.training.run import Run
from tests.evaluate.report.records import mistakes


@pytest.fixture(scope="module")
def shown(finished: Path):
    """The run's data and best model, and predictions that are all wrong."""
    run = Run.open(finished)
    data = load_data(run.config, progress=False)
    table = data.cases_of("test")[["roi_id", "patient_id", "label"]].copy()
    noise = np.random.default_rng(0).random(len(table))
    table["probability"] = np.where(table["label"] == 1, 0.0, 0.5) + noise / 2
    return load_best(run), data, table


def test_the_farthest_from_the_threshold_come_first():
    labels = np.array([1, 1, 1, 0, 0, 0, 1, 0])
    p = np.array([0.1, 0.3, 0.9, 0.95, 0.6, 0.2, 0.05, 0.5])
    missed, alarms = most_confident_mistakes(labels, p, 0.5)
    assert list(missed) == [6, 0, 1]
    # 0.5 itself is called malignant.
    assert list(alarms) == [3, 4, 7]
    assert [list(each) for each in most_confident_mistakes(labels, p, 0.5, most=1)] == [
        [6],
        [3],
    ]


def test_each_has_its_own_pixels_subbands_and_heat(shown):
    model, data, table = shown
    found = show_mistakes(model, data, "test", table, 0.5)
    assert found.note == ""
    assert len(found.missed) == len(found.false_alarms) == 4
    ids = list(table["roi_id"])
    for mistake in (*found.missed, *found.false_alarms):
        at = ids.index(mistake.roi_id)
        row = table.iloc[at]
        assert mistake.probability == row["probability"]
        assert (mistake.label, mistake.patient_id) == (row["label"], row["patient_id"])
        assert list(mistake.pictures) == ["ROI", "LL LH / HL HH", "Grad-CAM"]
        pixels = data.part("test").read(np.array([at]))[0]
        np.testing.assert_array_equal(mistake.pictures["ROI"], pixels)
        assert mistake.pictures["LL LH / HL HH"].shape == (32, 32)
        assert mistake.pictures["Grad-CAM"].shape == (32, 32, 3)
    assert {each.label for each in found.missed} == {1}
    assert all(each.probability >= 0.5 for each in found.false_alarms)


def test_there_may_be_no_mistakes(shown):
    model, data, table = shown
    right = table.assign(probability=table["label"].astype(float))
    found = show_mistakes(model, data, "test", right, 0.5)
    assert found.missed == found.false_alarms == []


def test_what_is_written_is_read_back_pixel_for_pixel(tmp_path):
    for kept in (mistakes(), Mistakes([mistakes().missed[1]], [])):
        write_mistakes(kept, tmp_path)
        found = read_mistakes(tmp_path)
        np.testing.assert_equal(dataclasses.asdict(found), dataclasses.asdict(kept))
    names = {each.name for each in tmp_path.rglob("*.*")}
    assert names == {"mistakes.json", "missed-1-roi.png", "missed-1-heat.png"}


def test_a_network_without_a_feature_map_has_its_page_without_heat(shown):
    _, data, table = shown
    inputs = keras.Input((32, 32, 1))
    outputs = layers.Dense(2, activation="softmax")(layers.Flatten()(inputs))
    found = show_mistakes(keras.Model(inputs, outputs), data, "test", table, 0.5)
    assert found.note.startswith("There are no heat maps. A heat map needs a")
    assert {tuple(each.pictures) for each in found.missed} == {("ROI",)}


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((224, 224), (160, 160)), ((320, 160, 3), (160, 80, 3)), ((64, 64), (64, 64))],
)
def test_large_pictures_are_made_small_by_averaging(shape, expected):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    picture = small(image)
    assert picture.shape == expected
    assert picture.dtype == np.uint8
    assert picture.mean() == pytest.approx(image.mean(), abs=1)
