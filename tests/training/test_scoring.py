"""Predictions of a part of the split, ROI by ROI."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from keras_wa.data.columns import CASE_COLUMNS
from keras_wa.errors import UserError
from keras_wa.training.best import load_best
from keras_wa.training.building import build_model
from keras_wa.training.config import TrainConfig
from keras_wa.training.data import load_data
from keras_wa.training.run import Run
from keras_wa.training.scoring import score
from tests.tiny_model import SETTINGS


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_each_roi_has_the_probability_of_its_own_pixels(
    finished: Path, split: str
) -> None:
    run = Run.open(finished)
    model, data = load_best(run), load_data(run.config)
    table = score(model, data, split)
    cases = data.cases[data.cases["split"] == split]
    first = ["roi_id", "patient_id", "label"]
    assert list(table.columns) == [*first, *CASE_COLUMNS, "probability"]
    assert list(table["roi_id"]) == list(cases["roi_id"])
    assert list(table["label"]) == list(cases["label"])
    for column in CASE_COLUMNS:
        assert table[column].equals(cases[column].reset_index(drop=True))
    # One by one and by hand, without the pipeline.
    for i in (0, len(table) // 2, len(table) - 1):
        pixels = data.images[cases.index[i]].astype("float32") / 255
        expected = np.asarray(model(pixels[None, :, :, None]))[0, 1]
        assert table["probability"][i] == pytest.approx(expected, abs=1e-6)


def test_of_three_classes_each_has_its_probability(
    store_dir: Path, tiny_model: None
) -> None:
    config = TrainConfig(**SETTINGS, store_dir=str(store_dir), classes=3)
    model, data = build_model(config), load_data(config)
    table = score(model, data, "test")
    columns = ["p_0", "p_1", "p_2"]
    assert list(table.columns) == [
        *("roi_id", "patient_id", "label", *CASE_COLUMNS, "probability", "class"),
        *columns,
    ]
    np.testing.assert_array_equal(table["class"], data.part("test").labels)
    assert list(table["class"] == 2) == list(table["label"] == 1)
    np.testing.assert_array_equal(table["probability"], table["p_2"])
    np.testing.assert_allclose(table[columns].sum(axis=1), 1, atol=1e-6)
    rows = (data.cases["split"] == "test").to_numpy()
    expected = model(data.images[rows][..., None].astype("float32") / 255)
    np.testing.assert_allclose(table[columns], expected, atol=1e-6)


def test_an_unknown_part_is_answered_with_those_there_are(finished: Path) -> None:
    run = Run.open(finished)
    with pytest.raises(UserError, match=r"split 'tset'.*: test, train, val"):
        score(load_best(run), load_data(run.config), "tset")
