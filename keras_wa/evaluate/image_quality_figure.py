"""The paper's figure 1: ROIs before and after an enhancement, the lesion outlined."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from keras_wa.files import replacing

_SIDE_INCHES = 2.6


@dataclasses.dataclass(frozen=True)
class Pair:
    """An ROI before and after.

    Attributes:
        title: what is written above it.
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
    count = len(pairs)
    figure = Figure(
        figsize=(_SIDE_INCHES * max(count, 2), 2 * _SIDE_INCHES + 0.6),
        dpi=150,
        layout="constrained",
    )
    figure.suptitle(heading, fontsize=10, wrap=True, parse_math=False)
    grid = figure.subplots(2, count, squeeze=False)
    for column, pair in enumerate(pairs):
        grid[0, column].set_title(pair.title, fontsize=7, parse_math=False)
        for row, image in enumerate((pair.before, pair.after)):
            axes = grid[row, column]
            axes.imshow(image, cmap="gray", vmin=0, vmax=255)
            if pair.mask is not None and pair.mask.any() and not pair.mask.all():
                axes.contour(pair.mask, levels=[0.5], colors="yellow", linewidths=0.8)
            axes.set_xticks([])
            axes.set_yticks([])
    for row, name in enumerate(("(a) before", "(b) after CLAHE")):
        grid[row, 0].set_ylabel(name)
    with replacing(path) as partial:
        figure.savefig(partial, format="png")
