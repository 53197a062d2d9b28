"""The paper's figure 1: ROIs before and after enhancement, with lesion outlines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keras_wa.explain.figures import gallery, overlay
from keras_wa.files import replacing


class Pair(NamedTuple):
    """An ROI before and after enhancement, uint8 `(H, W)`, and its lesion's mask.

    The title is unique in the figure.
    """

    title: str
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    mask: NDArray[np.bool_] | None = None


def write_figure(path: Path, pairs: Sequence[Pair], heading: str) -> None:
    """Writes the pairs side by side as a PNG: before in the first row, after below."""
    before = {each.title: _outlined(each.before, each.mask) for each in pairs}
    after = {each.title: _outlined(each.after, each.mask) for each in pairs}
    rows = [("(a) before", before), ("(b) after CLAHE", after)]
    with replacing(path) as partial:
        gallery(rows, heading, side=2.6).savefig(partial)


def _outlined(
    image: NDArray[np.uint8], mask: NDArray[np.bool_] | None
) -> NDArray[np.uint8]:
    edge = mask is not None and mask.any() and not mask.all()
    return overlay(image, np.zeros(image.shape), mask if edge else None)
