"""Files to pixels: reading, resizing, contrast enhancement.

`keras_wa.imaging.resize` and `keras_wa.imaging.clahe` are modules, each with a function
of the same name: import it from there.
"""

from __future__ import annotations

from keras_wa.imaging.reading import IMAGE_SUFFIXES, is_dicom, read_grey

__all__ = ["IMAGE_SUFFIXES", "is_dicom", "read_grey"]
