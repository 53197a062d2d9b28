"""Files to pixels: reading, resizing, contrast enhancement.

`keras_wa.imaging.resize` and `keras_wa.imaging.clahe` are modules, each with a function
of the same name: import it from there.
"""

from __future__ import annotations

from keras_wa.imaging.crops import Box, cut, cut_mask, mask_box, scale_box, window_of
from keras_wa.imaging.image import GreyImage
from keras_wa.imaging.reading import (
    IMAGE_SUFFIXES,
    decode_image,
    is_dicom,
    open_image,
    read_grey,
)

__all__ = [
    "IMAGE_SUFFIXES",
    "Box",
    "GreyImage",
    "cut",
    "cut_mask",
    "decode_image",
    "is_dicom",
    "mask_box",
    "open_image",
    "read_grey",
    "scale_box",
    "window_of",
]
