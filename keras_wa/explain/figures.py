"""Overlays of heat on ROIs, and galleries of them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

Pixels = NDArray[np.uint8]

# Opacity of the hottest pixel: a third of the ROI stays visible.
_OPACITY = 0.65
_OUTLINE = (0, 255, 255)
_SMALL: dict[str, Any] = {"fontsize": 8, "parse_math": False}
# Inches of a letter of this size, and of the title's.
_LETTER, _TITLE_LETTER = 0.075, 0.09

BANDS_TITLE, HEAT_TITLE = "LL LH / HL HH", "Grad-CAM"
"""Titles of the pictures of the subbands and of the heat map."""


def overlay(
    image: Pixels, heat: ArrayLike, mask: NDArray[np.bool_] | None = None
) -> Pixels:
    """Overlays heat on an ROI; the opacity rises with the heat from zero.

    Args:
        image: grey, uint8 `(H, W)`.
        heat: `(H, W)` in [0, 1].
        mask: bool `(H, W)`; its outline is drawn in cyan.

    Returns:
        uint8 RGB `(H, W, 3)`.
    """
    values = np.asarray(heat, dtype=np.float64)
    if image.dtype != np.uint8 or image.ndim != 2 or image.shape != values.shape:
        raise ValueError(
            "The image must be uint8 (height, width), the heat as large. "
            f"Received: {image.dtype} {image.shape} and {values.shape}"
        )
    values = np.clip(values, 0, 1)
    colour = 255 * matplotlib.colormaps["inferno"](values)[..., :3]
    opacity = _OPACITY * values[..., np.newaxis]
    blended = (1 - opacity) * image[..., np.newaxis] + opacity * colour
    picture = np.rint(blended).astype(np.uint8)
    if mask is not None:
        picture[mask & ~ndimage.binary_erosion(mask)] = _OUTLINE
    return picture


def panels(
    roi: Pixels,
    bands: Pixels | None = None,
    heat: ArrayLike | None = None,
    mask: NDArray[np.bool_] | None = None,
    method: str = HEAT_TITLE,
) -> dict[str, Pixels]:
    """The pictures of an ROI by their titles: itself, its subbands, its heat.

    Args:
        roi: grey, uint8 `(H, W)`.
        bands: its subbands, uint8 `(4, h, w)`, if the network sees them.
        heat: `(H, W)` in [0, 1], if any.
        mask: bool `(H, W)`, drawn over the heat if known.
        method: title of the heat.
    """
    found = {"ROI": roi}
    if bands is not None:
        low, horizontal, vertical, diagonal = bands
        found[BANDS_TITLE] = np.block([[low, horizontal], [vertical, diagonal]])
    if heat is not None:
        found[method] = overlay(roi, heat, mask)
    return found


def gallery(
    rows: Sequence[tuple[str, Mapping[str, Pixels]]], title: str = "", side: float = 2.0
) -> Figure:
    """Draws pictures in rows.

    Args:
        rows: a caption and pictures by their titles, as of `panels`; at least one row.
        title: of the figure.
        side: of a picture with its title, inches.
    """
    lines = [line for caption, _ in rows for line in caption.splitlines()]
    left = 0.05 + _LETTER * max(map(len, lines), default=0)
    columns = max(len(pictures) for _, pictures in rows)
    width = left + side * columns
    heading = textwrap.wrap(title, int(width / _TITLE_LETTER))
    head = 0.15 + 0.2 * len(heading) if heading else 0.0
    height = side * len(rows) + head
    figure = Figure(figsize=(width, height), dpi=100)
    # In inches, as the text is.
    grid = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    grid.axis("off")
    for row, (caption, pictures) in enumerate(rows):
        bottom = height - head - side * (row + 1)
        grid.text(0.05, bottom + side / 2, caption, **_SMALL, va="center")
        for column, (name, picture) in enumerate(pictures.items()):
            place = (left + side * column + 0.1, bottom, side - 0.3, side - 0.3)
            axes = grid.inset_axes(place, transform=grid.transData)
            axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
            axes.set_title(name, **_SMALL)
            axes.axis("off")
    figure.suptitle("\n".join(heading), fontsize=10, parse_math=False)
    return figure
