from __future__ import annotations

import numpy as np
import pytest

from keras_wa.data.io.header import DicomHeader, HeaderError
from keras_wa.data.io.layout import PixelLayout, read_layout
from tests.data.io.dicom_files import dicom_dataset

PIXELS = np.zeros((3, 4), np.int16)


def test_the_layout_is_what_the_header_says():
    layout = read_layout(DicomHeader(dicom_dataset(PIXELS, bits=12)), 12)
    assert layout == PixelLayout(3, 4, 16, 12, signed=True)
    assert (layout.shape, layout.size, layout.least) == ((3, 4), 24, -2048)


def test_what_need_not_be_there_has_a_default():
    dataset = dicom_dataset(PIXELS, HighBit=None, PixelRepresentation=None)
    layout = read_layout(DicomHeader(dataset), 12)
    assert layout == PixelLayout(3, 4, 16, 16, signed=False)
    assert layout.least == 0


def test_more_pixels_than_may_be_are_refused():
    with pytest.raises(HeaderError, match=r"Received: 3 by 4; expected .* 11 pixels"):
        read_layout(DicomHeader(dicom_dataset(PIXELS)), 11)
