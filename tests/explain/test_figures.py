"""An overlay shows the ROI where it is cold, and the mask's outline."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from keras_wa.explain.figures import BANDS_TITLE, gallery, overlay, panels

IMAGE = np.random.default_rng(0).integers(0, 256, (8, 8)).astype(np.uint8)


def test_where_there_is_no_heat_the_roi_is_unchanged():
    picture = overlay(IMAGE, np.zeros((8, 8)))
    assert picture.dtype == np.uint8
    assert np.array_equal(picture, np.repeat(IMAGE[..., None], 3, axis=2))


def test_hot_pixels_alone_are_coloured_the_hotter_the_more():
    image = np.full((8, 8), 100, np.uint8)
    heat = np.zeros((8, 8))
    heat[0, 0], heat[0, 1] = 1.0, 0.5
    change = abs(overlay(image, heat).astype(int) - 100).sum(axis=2)
    assert change[0, 0] > change[0, 1] > 0
    assert np.count_nonzero(change) == 2


def test_the_outline_is_the_masks_outermost_pixels():
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
def test_what_does_not_fit_together_is_refused(image, heat):
    with pytest.raises(ValueError, match=r"Received: (uint8|float64)"):
        overlay(image, heat)


def test_the_subbands_have_ll_at_the_top_left_and_lh_beside_it():
    bands = np.arange(4, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 3), np.uint8)
    found = panels(IMAGE, bands, np.zeros((8, 8)), method="occlusion")
    assert list(found) == ["ROI", BANDS_TITLE, "occlusion"]
    assert found[BANDS_TITLE][::2, ::3].tolist() == [[0, 1], [2, 3]]
    assert list(panels(IMAGE)) == ["ROI"]


def test_a_gallery_shows_every_picture_beside_its_caption():
    tall = np.zeros((20, 8), np.uint8)
    rows = [
        ("a name\np = 0.5 of $x$", {"ROI": IMAGE, "heat": IMAGE}),
        ("b", {"b": tall}),
    ]
    figure = gallery(rows, "a title " * 20)
    figure.draw_without_rendering()
    (grid,) = figure.axes
    shown = grid.child_axes
    assert [axes.get_title() for axes in shown] == ["ROI", "heat", "b"]
    np.testing.assert_array_equal(shown[0].images[0].get_array(), IMAGE)
    assert [text.get_text() for text in grid.texts] == [rows[0][0], "b"]
    boxes = [axes.get_tightbbox() for axes in shown]
    boxes += [text.get_window_extent() for text in grid.texts]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    for box in boxes:
        assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert 0 <= box.y0 < box.y1 <= figure.bbox.y1
