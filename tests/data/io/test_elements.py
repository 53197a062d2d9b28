"""What one element can mean, by its bytes and its value representation."""

from __future__ import annotations

import io

import numpy as np
import pydicom
import pytest

from keras_wa.data.io.elements import parse_numbers
from keras_wa.data.io.header import DicomHeader
from tests.data.io.dicom_files import bytes_with, dicom_dataset, opened

PIXELS = np.array([[0], [65535]], np.uint16)

NUMBERS = {
    "VR UT": ("UT", b"1.5"),
    "VR UN": ("UN", b"1.5"),
    "VR LO": ("LO", b"1.5"),
    "VR FD": ("FD", np.float64(1.5).tobytes()),
    "VR FL": ("FL", np.float32(1.5).tobytes()),
    "a representation that is none": ("Q?", b"1.5 "),
    "a decimal comma": ("DS", b"1,5"),
    "blanks": ("DS", b"  1.5 "),
    "a zero byte": ("DS", b"1.5\0"),
    "a line break": ("DS", b"1.5\r\n"),
    "a plus": ("DS", b"+1.5"),
    "an exponent": ("DS", b"15E-1"),
    "more digits than there may be": ("DS", b"1.500000000000000000000000"),
    "three times the same": ("DS", b"1.5\\1.5\\1.5"),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", (7,)),
        (".5", (0.5,)),
        ("5.", (5,)),
        ("-1.5e-2", (-0.015,)),
        (" 1 \\ 2\0", (1, 2)),
        ("1\\2\\", (1, 2)),
        ("0,5\\-0,25", (0.5, -0.25)),
        ("4096,000", (4096,)),
    ],
)
def test_the_numbers_of_a_text(text, expected):
    assert parse_numbers(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "abc", "1 2", "1\\\\2", "\\1", "nan", "inf", "1e999", "1e12", "0x1"),
        *("1_0", "--1", "1.2.3", "1,", ",1", "1mm", "\u0661", "1,2,3", "1;2"),
        *("0.5,0.5", "1,000", "1,000\\2,000"),
    ],
)
def test_a_text_that_is_no_number_or_may_be_two(text):
    assert parse_numbers(text) == ()


@pytest.mark.parametrize("kind", NUMBERS)
def test_a_number_that_means_one_thing_is_taken(kind):
    data = bytes_with(dicom_dataset(PIXELS), RescaleSlope=NUMBERS[kind])
    header = DicomHeader(pydicom.dcmread(io.BytesIO(data)))
    assert header.number("RescaleSlope") == 1.5
    assert header.notes == []


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        ("IS", b"2"),
        ("UT", b" 2 "),
        ("DS", b"2.0 "),
        ("UL", b"\2\0\0\0"),
        ("UN", b"\2\0"),
        ("SS", b"\2\0"),
        ("OW", b"\2\0"),
        ("US", b"\2\0\2\0"),
    ],
)
def test_rows_in_another_representation_are_rows(vr, value):
    image = opened(dicom_dataset(PIXELS), Rows=(vr, value))
    np.testing.assert_array_equal(image.grey(), [[0], [255]])
