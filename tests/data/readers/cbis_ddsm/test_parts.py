"""Crop or mask, told by the header and by the pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from keras_wa.data.readers.cbis_ddsm.parts import (
    Header,
    are_swapped,
    has_many_values,
    has_two_values,
    read_header,
    without_jpeg_noise,
)
from tests.data.io.dicom_files import write_dicom
from tests.data.readers.cbis_ddsm.copies import mammogram, mask_of

CROP = Header("cropped images", 100, 16)
MASK = Header("roi mask images", 900, 8)


def bare(header: Header, *, pixels: bool = False, bits: bool = False) -> Header:
    return Header("", header.pixels if pixels else 0, header.bits if bits else 0)


@pytest.mark.parametrize(
    "crop_and_mask",
    [
        (CROP, MASK),
        (Header("cropped images"), Header("roi mask images")),
        (bare(CROP, bits=True), bare(MASK, bits=True)),
        (bare(CROP, pixels=True), bare(MASK, pixels=True)),
        # One description says nothing new: the same for the whole series.
        (Header(MASK.description, 100, 16), MASK),
        (CROP, Header(CROP.description, 900, 8)),
        (Header("cropped images", 100, 16), Header("", 900, 8)),
        # The descriptions come before the sizes, the bits before them too.
        (Header("cropped images", 900, 8), Header("roi mask images", 100, 16)),
        (Header("", 900, 16), Header("", 100, 8)),
    ],
)
def test_headers_that_tell_the_parts_apart(crop_and_mask):
    crop, mask = crop_and_mask
    assert are_swapped(crop, mask) is False
    assert are_swapped(mask, crop) is True


@pytest.mark.parametrize(
    ("crop", "mask"),
    [
        (Header(), Header()),
        (CROP, Header()),
        (CROP, Header("cropped images")),
        (Header("", 100, 8), Header("", 100, 8)),
        (Header("full mammogram images"), Header("roi mask images")),
    ],
)
def test_headers_that_do_not_tell(crop, mask):
    assert are_swapped(crop, mask) is None
    assert are_swapped(mask, crop) is None


def test_a_header_is_read_without_the_pixels(tmp_path):
    path = write_dicom(
        tmp_path / "a.dcm",
        np.zeros((30, 20), np.uint16),
        SeriesDescription=" Cropped Images ",
    )
    assert read_header(path) == Header("cropped images", 600, 16)
    # Cut off in its pixels, the file still has its header.
    path.write_bytes(path.read_bytes()[:-500])
    assert read_header(path).pixels == 600


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_two_values_are_a_mask_and_anything_else_is_none(dtype):
    mask = mask_of((200, 150), (3, 5, 1, 1)).astype(dtype)
    assert has_two_values(mask)
    assert not has_two_values(np.zeros_like(mask))
    mask[190, 7] = 1  # Off the grid that is looked at first.
    assert not has_many_values(mask)
    assert not has_two_values(mask)
    assert has_many_values(mammogram((50, 50), 1))
    assert not has_two_values(mammogram((50, 50), 1))


@pytest.mark.parametrize("quality", [60, 95])
def test_a_mask_that_was_a_jpeg_has_two_values_again(quality):
    mask = mask_of((256, 256), (80, 60, 33, 41))
    _, data = cv2.imencode(".jpg", mask, [cv2.IMWRITE_JPEG_QUALITY, quality])
    lossy = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    assert not has_two_values(lossy)
    restored = without_jpeg_noise(lossy)
    assert has_two_values(restored)
    assert (restored != mask).mean() < 1e-3
    assert cv2.boundingRect(restored) == (80, 60, 33, 41)


def test_a_jpeg_that_is_no_mask_stays_as_it_is():
    crop = (mammogram((64, 64), 2) >> 8).astype(np.uint8)
    assert without_jpeg_noise(crop) is crop
