"""Where the ROI of a lesion lies in a mammogram, and how it is cut out."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from keras_wa.data.io.image import GreyImage
from keras_wa.errors import UserError, unknown_name

ROI_MARGIN = 0.1
"""What `roi` adds to the lesion's box on each side, as a part of its longer side."""

MOST_PIXELS = 2**28
"""The greatest number of pixels that are cut out. A field of view of 500 mm at a
spacing of 0.005 mm would need 10 GB."""


@dataclasses.dataclass(frozen=True)
class Box:
    """A rectangle in an image; it may reach beyond the image.

    Attributes:
        left: column of its first pixels.
        top: row of its first pixels.
        width: pixels.
        height: pixels.
    """

    left: int
    top: int
    width: int
    height: int


def mask_box(mask: NDArray, name: str) -> Box:
    """The bounding box of the lesion in a mask.

    Args:
        mask: (H, W) integers with two values; the greater one marks the lesion.
        name: the mask's file, for messages.

    Returns:
        The smallest box that holds every pixel of the lesion.

    Raises:
        UserError: the mask has one value only, so that nothing is marked, or more
            than two, so that it is no mask.
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
    # Outside of it every pixel is the lower value.
    lesion = band[:, left:right]
    if not np.all((lesion == low) | (lesion == high)):
        raise UserError(
            f"{name}: no mask. Received: more than two different values, from {low} to "
            f"{high}; expected two, background and lesion."
        )
    return Box(left, top, right - left, bottom - top)


def scale_box(box: Box, old: tuple[int, int], new: tuple[int, int]) -> Box:
    """A box in an image of another size, its edges at the nearest pixels.

    Args:
        box: in pixels of the old size.
        old: height and width, pixels.
        new: height and width, pixels.

    Returns:
        The box in pixels of the new size, at least one pixel wide and high.
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
    """The part of a mammogram that becomes the ROI.

    Args:
        box: the lesion's box, pixels.
        how: `"fixed"`: a square of `field_mm` about the middle of the box; `"roi"`: the
            square about the box with a margin of `ROI_MARGIN`.
        field_mm: side of the fixed field of view, mm.
        spacing_mm: distance between rows and between columns, mm.

    Returns:
        The window, a square in mm; it may reach beyond the image.

    Raises:
        UserError: `how` is another one.
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
    """Cuts a window out of an image.

    Args:
        image: the mammogram.
        window: in its pixels. What lies beyond the image becomes 0, as dark as the air
            around the breast.

    Returns:
        uint8 (window.height, window.width), and the part of it beyond the image.

    Raises:
        UserError: the window lies wholly beyond the image or has more than
            `MOST_PIXELS`.
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
            f"The window lies beyond the image. Received: {window}; expected one that "
            f"meets an image of {rows} by {columns} pixels."
        )
    pixels = np.zeros((window.height, window.width), np.uint8)
    pixels[
        top - window.top : bottom - window.top, left - window.left : right - window.left
    ] = image.grey(slice(top, bottom), slice(left, right))
    inside = (bottom - top) * (right - left)
    return pixels, 1 - inside / pixels.size


def cut_mask(mask: NDArray, shape: tuple[int, int], window: Box) -> NDArray[np.bool_]:
    """Cuts a window out of a mask.

    Args:
        mask: (H, W) integers with two values; the greater one marks the lesion.
        shape: height and width of the mammogram. A mask of another size is taken to
            cover the same field, and its nearest pixel counts.
        window: in pixels of the mammogram.

    Returns:
        bool (window.height, window.width), true in the lesion, false beyond the image.
    """
    sides = (window.top, window.height), (window.left, window.width)
    cut_out = mask > mask.min()
    for axis, (start, length) in enumerate(sides):
        at = np.arange(start, start + length)
        inside = (at >= 0) & (at < shape[axis])
        # The middle of each pixel in pixels of the mask.
        nearest = ((at + 0.5) * mask.shape[axis] / shape[axis]).astype(int)
        picked = np.take(cut_out, np.where(inside, nearest, 0), axis=axis)
        cut_out = picked & np.expand_dims(inside, 1 - axis)
    return cut_out
