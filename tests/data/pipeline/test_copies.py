"""A copy is to the last pixel the symmetry of its source, however it is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from keras_wa.data.pipeline.copies import CopiedImages, copied_images

RNG = np.random.default_rng(0)
SOURCE = RNG.integers(0, 256, (4, 6, 6), dtype=np.uint8)
ROWS = np.array([0, 0, 1, 3, 3, 2])
SYMMETRIES = np.array([0, 5, 2, 7, 4, 1])


def by_numpy(image: np.ndarray, symmetry: int) -> np.ndarray:
    """The symmetry with plain indexing."""
    image = image[:, ::-1] if symmetry >= 4 else image
    for _ in range(symmetry % 4):
        image = image.T[::-1]
    return image


EXPECTED = np.stack(
    [by_numpy(SOURCE[r], s) for r, s in zip(ROWS, SYMMETRIES, strict=True)]
)


@pytest.fixture(params=["in memory", "on disk"])
def copies(request: pytest.FixtureRequest, tmp_path: Path) -> CopiedImages:
    """Six copies of four images."""
    source = SOURCE
    if request.param == "on disk":
        np.save(tmp_path / "images.npy", SOURCE)
        source = np.load(tmp_path / "images.npy", mmap_mode="r")
    return CopiedImages(source, ROWS, SYMMETRIES)


@pytest.mark.parametrize(
    "at",
    [
        3,
        -1,
        np.int64(1),
        slice(None),
        slice(1, 5, 2),
        np.array([5, 0, 3, 3]),
        np.array([True, False, True, False, True, True]),
        np.array([], int),
    ],
    ids=str,
)
def test_they_are_indexed_as_an_array_is(copies, at):
    found = copies[at]
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, EXPECTED[at])
    np.testing.assert_array_equal(copies.source, SOURCE)
    assert copies.shape == EXPECTED.shape
    assert len(copies) == len(EXPECTED)


def test_a_view_is_of_the_images_that_were_chosen(copies):
    for at in (np.array([4, 1]), slice(2, 5)):
        np.testing.assert_array_equal(copies.view(at)[:], EXPECTED[at])
    some = CopiedImages.take(copies.source, np.array([2, 0]))
    np.testing.assert_array_equal(some[:], SOURCE[[2, 0]])
    assert some.dtype == np.uint8


def test_a_copy_is_found_by_the_name_of_its_source():
    stored = pd.DataFrame({"roi_id": ["a", "b", "c", "d"]})
    cases = pd.DataFrame(
        {
            "source_roi_id": ["a", "a", "b", "d", "d", "c"],
            "symmetry": pd.array(SYMMETRIES, "Int64"),
        }
    )
    np.testing.assert_array_equal(copied_images(SOURCE, stored, cases)[:], EXPECTED)
