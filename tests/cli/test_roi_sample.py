"""The ROIs that are explained, and their masks in the model's pixels."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from keras_wa.cli.roi_sample import RoiSample, draw_sample, read_masks
from keras_wa.errors import UserError
from keras_wa.training.data import RunData, load_data
from keras_wa.training.run import Run


@pytest.fixture(scope="module")
def data(finished: Path) -> RunData:
    return load_data(Run.open(finished).config)


def test_the_pixels_and_the_case_table_are_those_of_the_same_rois(
    data: RunData,
) -> None:
    sample = draw_sample(data, "test", 9)
    assert len(sample.cases) == len(sample.pixels) == 9
    images = dict(zip(data.cases["roi_id"], data.images, strict=True))
    for roi_id, pixels in zip(sample.cases["roi_id"], sample.pixels, strict=True):
        assert np.array_equal(pixels, images[roi_id])
    assert set(sample.cases["split"]) == {"test"}
    assert np.allclose(sample.rois * 255, sample.pixels)
    assert list(sample.labels) == list(sample.cases["label"])
    assert list(sample.patients) == list(sample.cases["patient_id"])


def test_the_seed_decides_the_draw(data: RunData) -> None:
    first, again, other = (draw_sample(data, "test", 9, seed) for seed in (0, 0, 1))
    assert list(first.cases["roi_id"]) == list(again.cases["roi_id"])
    assert list(first.cases["roi_id"]) != list(other.cases["roi_id"])


def test_of_fewer_rois_all_are_taken_in_their_order(data: RunData) -> None:
    sample = draw_sample(data, "test", 10_000)
    pd.testing.assert_frame_equal(sample.cases, data.cases_of("test"))


def test_an_empty_part_is_the_users_mistake(data: RunData) -> None:
    with pytest.raises(UserError, match=r"'tset'; there are: test, train, val\."):
        draw_sample(data, "tset", 9)


CASES = pd.DataFrame({"roi_id": ["a", "b", "c"], "label": [0, 1, 1]})
SAMPLE = RoiSample(CASES.iloc[[2, 0]], np.zeros((2, 8, 8), np.uint8))


def test_masks_are_read_for_their_own_row_and_resized_as_the_roi_was() -> None:
    def read_mask(row: pd.Series) -> np.ndarray:
        mask = np.zeros((40, 24), bool)
        side = {"a": 0, "c": 1}[row["roi_id"]]
        mask[:10, 12 * side : 12 * (side + 1)] = True
        return mask

    dataset = SimpleNamespace(cases=CASES, read_mask=read_mask)
    masks, note = read_masks(dataset, SAMPLE)
    assert note is None
    for mask, columns in zip(masks, (slice(4, 8), slice(0, 4)), strict=True):
        expected = np.zeros((8, 8), bool)
        expected[:2, columns] = True
        assert np.array_equal(mask, expected)


def test_rois_without_a_usable_mask_are_counted() -> None:
    def read_mask(row: pd.Series) -> np.ndarray:
        if row["roi_id"] == "a":
            raise UserError("a.dcm: has no mask.")
        return np.zeros((8, 8), bool)

    dataset = SimpleNamespace(cases=CASES, read_mask=read_mask)
    masks, note = read_masks(dataset, SAMPLE)
    assert masks == [None, None]
    assert note is not None
    assert note.startswith("2 ROIs were not scored for want of a mask: c: no pixel")


def test_a_data_set_without_masks_says_so() -> None:
    masks, note = read_masks(SimpleNamespace(cases=CASES, read_mask=None), SAMPLE)
    assert masks == [None, None]
    assert note is not None
    assert "has no masks" in note
