"""The paper's figure 1: ROIs before and after enhancement, with lesion outlines."""

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
    """An ROI before and after enhancement.

    Attributes:
        title: title of the pair, unique in the figure.
        before: uint8 of shape `(height, width)`.
        after: uint8 of the same shape.
        mask: bool of the same shape, true in the lesion; None without one.
    """

    title: str
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    mask: NDArray[np.bool_] | None = None


def write_figure(path: Path, pairs: Sequence[Pair], heading: str) -> None:
    """Writes the pairs side by side as a PNG: before in the first row, after below.

    Args:
        path: the file; replaced atomically if it exists.
        pairs: the ROIs, at least one.
        heading: title of the figure.
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
