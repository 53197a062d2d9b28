"""Masks of the calcifications of an ROI: their pixels, and a reader's outline."""

from __future__ import annotations

import math

import numpy as np
import scipy.ndimage

from keras_wa.phantom.lesions import mask_margin_mm
from keras_wa.phantom.texture import Array

MINERAL_FRACTION = 0.25
"""Threshold of a calcification's pixels, as a fraction of the ROI's highest contrast.
One half would miss small calcifications beside large ones; much less would include the
blur of the film."""


def mineral_mask(mineral: Array) -> Array:
    """Returns the pixels of calcifications from their brightness in any unit."""
    # Rounding of the blur leaves about 1e-17 where nothing was drawn.
    return mineral > MINERAL_FRACTION * max(mineral.max(), 1e-6)


def outline_of(mineral: Array, field_mm: float, pixel_mm: float) -> Array:
    """Returns the region that a reader would draw around calcifications.

    The masks of CBIS-DDSM are outlines of clusters. Here the calcifications are dilated
    by twice the margin of the phantom's films (`mask_margin_mm`: 1 mm in a field of
    25.6 mm), then eroded by one margin; holes are filled. Small calcifications less
    than about 3.5 margins apart (twice the root of 3) share a region.
    """
    if not mineral.any():
        return mineral
    margin = mask_margin_mm(field_mm) / pixel_mm
    distance = scipy.ndimage.distance_transform_edt
    # Padded, so that the field's edge does not affect the region.
    room = math.ceil(2 * margin) + 1
    wide = distance(~np.pad(mineral, room)) <= 2 * margin
    region = scipy.ndimage.binary_fill_holes(distance(wide) > margin)
    return np.asarray(region[room:-room, room:-room])
