"""Windows of ROIs in a mammogram, and cropping."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from keras_wa.data.io.image import GreyImage
from keras_wa.errors import UserError, unknown_name

ROI_MARGIN = 0.1
"""Margin of `roi` on each side of the lesion's box, relative to its longer side."""

MOST_PIXELS = 2**28
"""Largest number of pixels of a crop. A field of view of 500 mm at a spacing of
0.005 mm would need 10 GB."""


@dataclasses.dataclass(frozen=True)
class Box:
    """A rectangle in an image, which may extend beyond it.

    Attributes:
        left: first column.
        top: first row.
        width: width, pixels.
        height: height, pixels.
    """

    left: int
    top: int
    width: int
    height: int


def mask_box(mask: NDArray, name: str) -> Box:
    """Returns the bounding box of the lesion in a mask.

    Args:
        mask: (H, W) integers with two values, where the larger is the lesion.
        name: the mask's file, for messages.

    Returns:
        The smallest box with all pixels of the lesion.

    Raises:
        UserError: the mask has only one value, or more than two.
    """
    low, high = int(mask.min()), int(mask.max())
    if low == high:
        raise UserError(
            f"{name}: the mask marks no lesion. Received: the value {low} in all "
            f"{mask.size} pixels; expected two values. Copy the file again, or leave "
            "the ROI out."
        )
    rows = np.flatnonzero(mask.max(axis=1) > low)
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    band = mask[top:bottom]
    columns = np.flatnonzero(band.max(axis=0) > low)
    left, right = int(columns[0]), int(columns[-1]) + 1
    # Outside, all pixels have the lower value.
    lesion = band[:, left:right]
    if not np.all((lesion == low) | (lesion == high)):
        raise UserError(
            f"{name}: no mask. Received: more than two different values, from {low} to "
            f"{high}; expected two, background and lesion."
        )
    return Box(left, top, right - left, bottom - top)


def scale_box(box: Box, old: tuple[int, int], new: tuple[int, int]) -> Box:
    """Scales a box to an image of another size, to the nearest pixels.

    Args:
        box: box in pixels of the old size.
        old: old height and width, pixels.
        new: new height and width, pixels.

    Returns:
        The box in pixels of the new size, at least one pixel in width and height.
    """
    rows, columns = new[0] / old[0], new[1] / old[1]
    left, top = round(box.left * columns), round(box.top * rows)
    return Box(
        left=left,
        top=top,
        width=max(1, round((box.left + box.width) * columns) - left),
        height=max(1, round((box.top + box.height) * rows) - top),
    )


def window_of(
    box: Box, how: str, field_mm: float, spacing_mm: tuple[float, float]
) -> Box:
    """Returns the window of an ROI in a mammogram.

    Args:
        box: the lesion's box, pixels.
        how: `"fixed"`: a square of `field_mm` around the centre of the box; `"roi"`:
            the square around the box with a margin of `ROI_MARGIN`.
        field_mm: side of the fixed field of view, mm.
        spacing_mm: distance of rows and of columns, mm.

    Returns:
        The window, a square in mm, which may extend outside the image.

    Raises:
        UserError: `how` is unknown.
    """
    row_mm, column_mm = spacing_mm
    if how == "fixed":
        side_mm = field_mm
    elif how == "roi":
        longer = max(box.height * row_mm, box.width * column_mm)
        side_mm = longer * (1 + 2 * ROI_MARGIN)
    else:
        raise unknown_name("crop", how, ("fixed", "roi"))
    height = max(1, round(side_mm / row_mm))
    width = max(1, round(side_mm / column_mm))
    return Box(
        left=box.left + (box.width - width) // 2,
        top=box.top + (box.height - height) // 2,
        width=width,
        height=height,
    )


def cut(image: GreyImage, window: Box) -> tuple[NDArray[np.uint8], float]:
    """Crops a window from an image.

    Args:
        image: the mammogram.
        window: window in its pixels. Pixels outside the image become 0, like air.

    Returns:
        uint8 (window.height, window.width), and its share outside the image.

    Raises:
        UserError: the window is outside the image or has more than `MOST_PIXELS`.
    """
    rows, columns = image.shape
    if window.width * window.height > MOST_PIXELS:
        raise UserError(
            f"The part to cut. Received: {window.height} by {window.width} pixels; "
            "expected less. Check the lesion's mark, the field of view and the pixel "
            "spacing."
        )
    top, left = max(window.top, 0), max(window.left, 0)
    bottom = min(window.top + window.height, rows)
    right = min(window.left + window.width, columns)
    if bottom <= top or right <= left:
        raise UserError(
            f"The window lies outside the image. Received: {window}; expected one that "
            f"meets an image of {rows} by {columns} pixels."
        )
    pixels = np.zeros((window.height, window.width), np.uint8)
    pixels[
        top - window.top : bottom - window.top, left - window.left : right - window.left
    ] = image.grey(slice(top, bottom), slice(left, right))
    inside = (bottom - top) * (right - left)
    return pixels, 1 - inside / pixels.size


def cut_mask(mask: NDArray, shape: tuple[int, int], window: Box) -> NDArray[np.bool_]:
    """Crops a window from a mask.

    Args:
        mask: (H, W) integers with two values, where the larger is the lesion.
        shape: height and width of the mammogram. A mask of another size is assumed to
            cover the same field; the nearest pixel is used.
        window: window in pixels of the mammogram.

    Returns:
        bool (window.height, window.width), true in the lesion, false outside the image.
    """
    sides = (window.top, window.height), (window.left, window.width)
    cut_out = mask > mask.min()
    for axis, (start, length) in enumerate(sides):
        at = np.arange(start, start + length)
        inside = (at >= 0) & (at < shape[axis])
        # The centre of each pixel in pixels of the mask.
        nearest = ((at + 0.5) * mask.shape[axis] / shape[axis]).astype(int)
        picked = np.take(cut_out, np.where(inside, nearest, 0), axis=axis)
        cut_out = picked & np.expand_dims(inside, 1 - axis)
    return cut_out
