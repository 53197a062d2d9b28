"""Files to pixels: reading, resizing, contrast enhancement.

`keras_wa.data.io.resize` and `keras_wa.data.io.clahe` are modules, each with a function
of the same name: import it from there.
"""

from __future__ import annotations

from keras_wa.data.io.crops import Box, cut, cut_mask, mask_box, scale_box, window_of
from keras_wa.data.io.file_kinds import (
    IMAGE_SUFFIXES,
    bare_name,
    is_dicom,
    kinds_of,
    passed_over,
    read_header,
    stem_of,
)
from keras_wa.data.io.image import GreyImage
from keras_wa.data.io.reading import decode_image, open_image

__all__ = [
    "IMAGE_SUFFIXES",
    "Box",
    "GreyImage",
    "bare_name",
    "cut",
    "cut_mask",
    "decode_image",
    "is_dicom",
    "kinds_of",
    "mask_box",
    "open_image",
    "passed_over",
    "read_header",
    "scale_box",
    "stem_of",
    "window_of",
]
