"""An overlay shows the ROI where it is cold, and the mask's outline."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_wa.explain.figures import Example, mosaic, overlay, write_gallery

IMAGE = np.random.default_rng(0).integers(0, 256, (8, 8)).astype(np.uint8)


def test_where_there_is_no_heat_the_roi_is_unchanged() -> None:
    picture = overlay(IMAGE, np.zeros((8, 8)))
    assert picture.dtype == np.uint8
    assert np.array_equal(picture, np.repeat(IMAGE[..., None], 3, axis=2))


def test_hot_pixels_alone_are_coloured_the_hotter_the_more() -> None:
    image = np.full((8, 8), 100, np.uint8)
    heat = np.zeros((8, 8))
    heat[0, 0], heat[0, 1] = 1.0, 0.5
    change = abs(overlay(image, heat).astype(int) - 100).sum(axis=2)
    assert change[0, 0] > change[0, 1] > 0
    assert np.count_nonzero(change) == 2


def test_the_outline_is_the_masks_outermost_pixels() -> None:
    mask = np.zeros((8, 8), bool)
    mask[2:6, 2:6] = True
    picture = overlay(IMAGE, np.zeros((8, 8)), mask)
    outline = (picture == (0, 255, 255)).all(axis=2)
    expected = mask.copy()
    expected[3:5, 3:5] = False
    assert np.array_equal(outline, expected)


@pytest.mark.parametrize(
    ("image", "heat"),
    [(IMAGE, np.zeros((8, 7))), (IMAGE / 255, np.zeros((8, 8)))],
    ids=["size", "dtype"],
)
def test_what_does_not_fit_together_is_refused(
    image: np.ndarray, heat: np.ndarray
) -> None:
    with pytest.raises(ValueError, match=r"Received: (uint8|float64)"):
        overlay(image, heat)


def test_the_mosaic_has_ll_at_the_top_left_and_lh_beside_it() -> None:
    bands = np.arange(4, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 3), np.uint8)
    picture = mosaic(bands)
    assert picture.shape == (4, 6)
    assert picture[::2, ::3].tolist() == [[0, 1], [2, 3]]


@pytest.mark.parametrize("with_bands", [False, True])
def test_the_gallery_has_a_column_more_with_subbands(
    tmp_path: Path, with_bands: bool
) -> None:
    bands = np.stack([IMAGE[::2, ::2]] * 4) if with_bands else None
    example = Example(IMAGE, np.zeros((8, 8), np.float32), "name\n0.5", bands)
    path = tmp_path / "gallery.png"
    write_gallery([example, example], "phantom", path)
    width = 240 * (3 if with_bands else 2) + 220
    assert cv2.imread(str(path)).shape == (550, width, 3)
    assert [each.name for each in tmp_path.iterdir()] == ["gallery.png"]
