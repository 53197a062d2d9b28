"""The paper's figure 1: ROIs before and after an enhancement, the lesion outlined."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from keras_wa.explain.figures import gallery, overlay
from keras_wa.files import replacing


@dataclasses.dataclass(frozen=True)
class Pair:
    """An ROI before and after.

    Attributes:
        title: what is written above it; no two pairs of a figure share it.
        before: uint8 `(height, width)`.
        after: uint8 of the same shape.
        mask: bool of the same shape, `None` where there is none.
    """

    title: str
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    mask: NDArray[np.bool_] | None = None


def write_figure(path: Path, pairs: Sequence[Pair], heading: str) -> None:
    """Writes the pairs side by side as a PNG: before in the first row, after below.

    Args:
        path: where; a file there is replaced at once, never half.
        pairs: the ROIs, at least one.
        heading: what is written above all.
    """
    rows = {
        "(a) before": {each.title: _outlined(each.before, each.mask) for each in pairs},
        "(b) after CLAHE": {
            each.title: _outlined(each.after, each.mask) for each in pairs
        },
    }
    with replacing(path) as partial:
        gallery(list(rows.items()), heading, side=2.6).savefig(partial)


def _outlined(
    image: NDArray[np.uint8], mask: NDArray[np.bool_] | None
) -> NDArray[np.uint8]:
    edge = mask is not None and mask.any() and not mask.all()
    return overlay(image, np.zeros(image.shape), mask if edge else None)
