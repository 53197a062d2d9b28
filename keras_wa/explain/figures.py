"""Overlays of heat on ROIs, and galleries of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from keras_wa.files import replacing

Pixels = NDArray[np.uint8]

# Opacity of the hottest pixel: a third of the ROI stays visible.
_OPACITY = 0.65
_OUTLINE = (0, 255, 255)


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

    Raises:
        ValueError: the shapes differ or the image is not uint8.
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


def mosaic(bands: Pixels) -> Pixels:
    """Tiles four pictures `(4, h, w)` into one, `(2 h, 2 w)`: LL LH over HL HH."""
    low, horizontal, vertical, diagonal = bands
    return np.block([[low, horizontal], [vertical, diagonal]])


@dataclasses.dataclass(frozen=True)
class Example:
    """One ROI of a gallery.

    Attributes:
        roi: grey, uint8 `(H, W)`.
        heat: `(H, W)` in [0, 1].
        caption: text beside it, such as its name, label and probability.
        bands: its subbands, uint8 `(4, h, w)`, if the network uses them.
        mask: bool `(H, W)`, if known.
    """

    roi: Pixels
    heat: NDArray[np.float32]
    caption: str
    bands: Pixels | None = None
    mask: NDArray[np.bool_] | None = None


def write_gallery(examples: Sequence[Example], title: str, path: Path) -> None:
    """Draws one row per ROI: the ROI, its subbands if any, its heat.

    Args:
        examples: at least one.
        title: title of the figure.
        path: the PNG file; it is replaced atomically.
    """
    with_bands = any(example.bands is not None for example in examples)
    heads = ("ROI", "LL LH / HL HH", "heat") if with_bands else ("ROI", "heat")
    height = 2.4 * len(examples) + 0.7
    figure = Figure(
        figsize=(2.4 * len(heads) + 2.2, height), dpi=100, layout="constrained"
    )
    axes = figure.subplots(len(examples), len(heads), squeeze=False)
    for row, example in zip(axes, examples, strict=True):
        pictures = [example.roi, overlay(example.roi, example.heat, example.mask)]
        if example.bands is not None:
            pictures.insert(1, mosaic(example.bands))
        for panel, picture in zip(row, pictures, strict=True):
            panel.imshow(picture, cmap="gray", vmin=0, vmax=255)
            panel.set_xticks([])
            panel.set_yticks([])
        row[0].set_ylabel(
            example.caption,
            fontsize=8,
            rotation=0,
            ha="right",
            va="center",
            parse_math=False,
        )
    for panel, head in zip(axes[0], heads, strict=True):
        panel.set_title(head, fontsize=9)
    figure.suptitle(title, fontsize=10)
    with replacing(path) as partial:
        figure.savefig(partial)
