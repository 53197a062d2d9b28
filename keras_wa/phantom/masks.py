"""Where the calcifications of an ROI lie: their pixels, and a reader's outline."""

from __future__ import annotations

import math

import numpy as np
import scipy.ndimage

from keras_wa.phantom.lesions import mask_margin_mm
from keras_wa.phantom.texture import Array

MINERAL_FRACTION = 0.25
"""A pixel counts as mineral above this part of the ROI's highest contrast. At half of
it small calcifications beside large ones would be missed; far below it the blur of the
film would count as mineral."""


def mineral_mask(mineral: Array) -> Array:
    """The pixels that mineral covers.

    Args:
        mineral: brightness over the tissue, `(size, size)`, in any unit.

    Returns:
        bool `(size, size)`; false everywhere if no mineral lies in the field.
    """
    # Rounding of the blur leaves traces of some 1e-17 where nothing was drawn.
    return mineral > MINERAL_FRACTION * max(mineral.max(), 1e-6)


def outline_of(mineral: Array, field_mm: float, pixel_mm: float) -> Array:
    """The region that a reader would draw around the calcifications.

    The masks of CBIS-DDSM are outlines of clusters. Here the mineral is widened by
    twice the margin that the masks of the phantom's films have too (`mask_margin_mm`:
    1 mm in a field of 25.6 mm) and then narrowed by one margin; holes are filled. Small
    calcifications less than some 3.5 margins apart (twice the root of 3) share a
    region.

    Args:
        mineral: bool `(size, size)`; beyond the field there is none.
        field_mm: side of the field, mm.
        pixel_mm: side of a pixel, mm.

    Returns:
        bool `(size, size)`; true wherever `mineral` is.
    """
    if not mineral.any():
        return mineral
    margin = mask_margin_mm(field_mm) / pixel_mm
    distance = scipy.ndimage.distance_transform_edt
    # Room for the widened region, so that the field's edge shapes nothing.
    room = math.ceil(2 * margin) + 1
    wide = distance(~np.pad(mineral, room)) <= 2 * margin
    region = scipy.ndimage.binary_fill_holes(distance(wide) > margin)
    return np.asarray(region[room:-room, room:-room])
