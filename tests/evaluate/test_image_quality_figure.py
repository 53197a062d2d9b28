"""The paper's figure 1: pairs of images with the lesion outlined."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from keras_wa.evaluate.image_quality_figure import Pair, write_figure

IMAGE = np.tile(np.arange(64, dtype=np.uint8), (64, 1))
MASK = np.zeros((64, 64), bool)
MASK[20:40, 20:40] = True


def cyan(path) -> int:
    """How many pixels of the picture are cyan."""
    blue, green, red = np.moveaxis(cv2.imread(str(path)).astype(int), -1, 0)
    return int(((blue > 200) & (green > 200) & (red < 80)).sum())


def test_the_outline_is_drawn_before_and_after(tmp_path):
    path = tmp_path / "figure1.png"
    write_figure(path, [Pair("one", IMAGE, IMAGE, MASK)], "phantom")
    picture = cv2.imread(str(path))
    blue, _, red = np.moveaxis(picture.astype(int), -1, 0)
    marked = np.flatnonzero(((blue - red) > 120).any(axis=1))

    assert cyan(path) > 200
    half = len(picture) / 2
    assert marked.min() < half < marked.max()
    assert [each.name for each in tmp_path.iterdir()] == ["figure1.png"]


@pytest.mark.parametrize(
    "mask", [None, MASK & False, MASK | True], ids=["none", "empty", "full"]
)
def test_without_an_edge_there_is_no_outline(tmp_path, mask):
    path = tmp_path / "figure1.png"
    write_figure(path, [Pair(name, IMAGE, IMAGE, mask) for name in "abcd"], "phantom")

    assert cyan(path) == 0
