"""Images for the page: stored values, their grey levels, and candidate clusters."""

from __future__ import annotations

import base64
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from keras_wa.data.cropping import choose_spacing, without_spacing
from keras_wa.data.io import Box, GreyImage
from keras_wa.detection import find_candidates
from keras_wa.detection.spots import as_spacing, grid_of
from keras_wa.errors import UserError

MOST_SIDE = 2048

# Maximum number of pixels of the image that is searched; a mammogram has about 5
# million. Each takes 42 bytes, and a 1-bit PNG of 8 kB may have 67 million.
_MOST_SEARCHED = 2**24


def view_of(
    image: GreyImage, region: Box | None, side: int, spacing_mm: float | None
) -> dict[str, Any]:
    """Returns a region of an image as the fields of `answers.View`.

    The page lets the user change the window, so it needs stored values, with the table
    of the grey levels that the model sees. The region is clipped to the image, and
    averaged to at most `side` pixels. `spacing_mm` is used if the file has none.
    """
    height, width = image.shape
    part = _inside(region or Box(0, 0, width, height), image)
    stored = image.stored[
        part.top : part.top + part.height, part.left : part.left + part.width
    ]
    spacing, origin = choose_spacing(image, (spacing_mm, "option"))
    # Those of the whole image, so that all regions have the same window limits.
    least, greatest = int(image.stored.min()), int(image.stored.max())
    every = np.arange(least, greatest + 1).astype(image.stored.dtype)
    pixels = _averaged((stored.astype(np.int32) - least).astype("<u2"), side)
    return {
        "image_width": width,
        "image_height": height,
        "region": [part.left, part.top, part.width, part.height],
        "width": pixels.shape[1],
        "height": pixels.shape[0],
        "least": least,
        "greatest": greatest,
        "pixels": _base64(pixels),
        "levels": _base64(image.to_grey(every)),
        "spacing_mm": None if spacing is None else list(spacing),
        "spacing_from": origin or None,
        "notes": list(image.notes),
    }


def candidates_of(
    image: GreyImage, spacing_mm: float | None, film: bool
) -> dict[str, Any]:
    """Finds candidate clusters in a mammogram, as the fields of `answers.Candidates`.

    `spacing_mm` is used if the file has none; `film` leaves out specks.
    """
    spacing, _ = choose_spacing(image, (spacing_mm, "option"))
    if spacing is None:
        raise UserError(
            f"pixel_spacing. Received: {without_spacing(image)}; expected one, to "
            "search for lesions."
        )
    _refuse_vast(image.shape, as_spacing(spacing))
    found = find_candidates(image.grey(), spacing, film=film)
    return {
        "candidates": [
            {
                "box": [left, top, right - left, bottom - top],
                "n_spots": each.n_spots,
                "score": each.score,
            }
            for each in found
            for left, top, right, bottom in [each.box]
        ]
    }


def _refuse_vast(shape: tuple[int, int], spacing: tuple[float, float]) -> None:
    grid_mm, (columns, rows) = grid_of(shape, spacing)
    if rows * columns > _MOST_SEARCHED:
        raise UserError(
            f"too large to be searched. Received: {shape[0]} by {shape[1]} pixels of "
            f"{spacing[0]:g} by {spacing[1]:g} mm, {rows} by {columns} of {grid_mm:g} "
            f"mm; expected at most {_MOST_SEARCHED} of these. Give the spacing of the "
            "detector, or crop the breast."
        )


def _inside(region: Box, image: GreyImage) -> Box:
    height, width = image.shape
    left, top = max(0, region.left), max(0, region.top)
    right = min(width, region.left + region.width)
    bottom = min(height, region.top + region.height)
    if right <= left or bottom <= top:
        raise UserError(
            f"region. Received: {region.left},{region.top},{region.width},"
            f"{region.height}; expected a part of an image of {width} by {height} "
            "pixels."
        )
    return Box(left, top, right - left, bottom - top)


def _averaged(pixels: NDArray[np.uint16], side: int) -> NDArray[np.uint16]:
    height, width = pixels.shape
    factor = side / max(height, width)
    if factor >= 1:
        return pixels
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype("<u2")


def _base64(array: NDArray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
