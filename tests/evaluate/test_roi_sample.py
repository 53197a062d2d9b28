"""Masks of drawn ROIs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from keras_wa.data import Dataset, load_cases
from keras_wa.data.io.symmetries import apply_symmetry
from keras_wa.data.leaky_splits import copy_rois
from keras_wa.errors import UserError
from keras_wa.evaluate.roi_sample import RoiSample, read_masks
from keras_wa.phantom import PhantomSpec


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load_cases(
        "phantom", phantom=PhantomSpec(size=64, field_mm=12.8), phantom_rois=12
    )


def sample(cases: pd.DataFrame) -> RoiSample:
    return RoiSample(cases, np.zeros((len(cases), 64, 64), np.uint8))


def test_each_roi_gets_its_own_mask(dataset: Dataset) -> None:
    masks, note = read_masks(dataset, sample(dataset.cases.iloc[[3, 1]]))
    assert note is None
    assert dataset.read_mask is not None
    for mask, row in zip(masks, (3, 1), strict=True):
        np.testing.assert_array_equal(mask, dataset.read_mask(dataset.cases.iloc[row]))


def test_the_mask_of_a_copy_is_moved_as_its_pixels_are(dataset: Dataset) -> None:
    copies = copy_rois(dataset.cases, seed=0).iloc[:6]
    masks, note = read_masks(dataset, sample(copies))
    assert note is None
    assert masks[0] is not None
    for mask, symmetry in zip(masks, copies["symmetry"], strict=True):
        expected = apply_symmetry(masks[0].astype(np.uint8), int(symmetry)) > 0
        np.testing.assert_array_equal(mask, expected)


def test_a_mask_that_cannot_be_read_is_told(dataset: Dataset) -> None:
    def fail(row: pd.Series) -> np.ndarray:
        raise UserError(f"{row['roi_id']}: no mask.")

    broken = dataclasses.replace(dataset, read_mask=fail)
    masks, note = read_masks(broken, sample(dataset.cases.iloc[:2]))
    assert masks == [None, None]
    assert note is not None
    assert f"{dataset.cases['roi_id'][0]}: no mask., and others." in note


def test_a_dataset_without_masks_says_so(dataset: Dataset) -> None:
    bare = dataclasses.replace(dataset, read_mask=None)
    masks, note = read_masks(bare, sample(dataset.cases.iloc[:1]))
    assert masks == [None]
    assert (
        note == "This data set has no masks: the position of the heat was not scored."
    )
