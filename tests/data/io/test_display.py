"""Grey levels against values worked by hand and against pydicom."""

from __future__ import annotations

import re

import numpy as np
import pytest
from pydicom.pixels.processing import apply_modality_lut, apply_windowing
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from keras_wa.data.io.dicom import decode_dicom
from tests.data.io.dicom_files import (
    decode,
    dicom_bytes,
    dicom_dataset,
    look_up_table,
    row,
)

BYTES, SIGNED, TWELVE = {"dtype": np.uint8}, {"dtype": np.int16}, {"bits": 12}
INVERTED = {"PhotometricInterpretation": "MONOCHROME1"}
# PS3.3 C.11.2.1.2.1, c = 2048, w = 1024: 0 up to 1536, 255 above 2559, between
# ((x - 2047.5) / 1023 + 0.5) * 255; 1792 gives 63.8.
WINDOW = {"WindowCenter": 2048, "WindowWidth": 1024}

GREY = {
    # Without a window the bits stored set the scale: 2048 / 4095 * 255 = 127.53
    "12 bits": ((0, 2048, 4095), TWELVE, [0, 128, 255]),
    "16 bits": ((0, 2048, 65535), {}, [0, 8, 255]),
    "8 bits": ((0, 77, 255), BYTES, [0, 77, 255]),
    # Two's complement: -32768 is the least value.
    "signed": ((-32768, 0, 32767), SIGNED, [0, 128, 255]),
    # 0x800 of 12 bits is -2048, the least value.
    "sign of 12 bits": ((0x800, 0, 0x7FF), SIGNED | TWELVE, [0, 128, 255]),
    # The upper four bits hold an overlay or rubbish.
    "bits not stored": ((0x0FFF, 0xF800, 0x1000), TWELVE, [255, 128, 0]),
    # Rescaled to -100..410: (156 + 100) / 510 * 255 = 128
    "rescaled": (
        (0, 128, 255),
        BYTES | {"RescaleSlope": 2, "RescaleIntercept": -100},
        [0, 128, 255],
    ),
    "negative slope": (
        (0, 55, 255),
        BYTES | {"RescaleSlope": -1, "RescaleIntercept": 255},
        [255, 200, 0],
    ),
    "slope alone": ((0, 55, 255), BYTES | {"RescaleSlope": -1}, [255, 200, 0]),
    "inverted": ((0, 2048, 4095), TWELVE | INVERTED, [255, 127, 0]),
    "window": ((0, 1536, 1792, 2559, 4095), TWELVE | WINDOW, [0, 0, 64, 255, 255]),
    "inverted window": ((0, 1792, 4095), TWELVE | WINDOW | INVERTED, [255, 191, 0]),
    # Stored 950, 1050, 1150 are 1800, 2000, 2200 after the modality stage; the window
    # ends at 1799.5 and 2199.5. Applied to stored values it would make all black.
    "window after rescaling": (
        (950, 1050, 1150),
        TWELVE
        | {"RescaleSlope": 2, "RescaleIntercept": -100}
        | {"WindowCenter": 2000, "WindowWidth": 401},
        [0, 128, 255],
    ),
    # Stored 0, 2048, 4095 mean 4095, 2047, 0; the window is 0..4095.
    "window after a negative slope": (
        (0, 2048, 4095),
        TWELVE
        | {"RescaleSlope": -1, "RescaleIntercept": 4095}
        | {"WindowCenter": 2048, "WindowWidth": 4096},
        [255, 127, 0],
    ),
    "first of two windows": (
        (0, 1792, 4095),
        TWELVE | {"WindowCenter": [2048, 9], "WindowWidth": [1024, 2]},
        [0, 64, 255],
    ),
    "window of one level": (
        (99, 100, 101),
        {"WindowCenter": 100.5, "WindowWidth": 1},
        [0, 0, 255],
    ),
    "far from a sigmoid's centre": (
        (0, 100, 65535),
        {"WindowCenter": 100, "WindowWidth": 1, "VOILUTFunction": "SIGMOID"},
        [0, 128, 255],
    ),
    "empty attributes": (
        (0, 65535),
        {"RescaleSlope": None, "RescaleIntercept": None}
        | {"WindowCenter": None, "WindowWidth": None},
        [0, 255],
    ),
    "padding": (
        (0, 5, 2048, 4095),
        TWELVE | {"PixelPaddingValue": 4095},
        [0, 0, 128, 0],
    ),
    "signed padding": (
        (-2000, -1, 0, 2047),
        SIGNED
        | TWELVE
        | {"PixelPaddingValue": -2000, "RescaleSlope": 1, "RescaleIntercept": 2048},
        [0, 127, 128, 255],
    ),
}


@pytest.mark.parametrize(("stored", "fields", "expected"), GREY.values(), ids=GREY)
def test_grey_levels_are_those_of_the_standard(stored, fields, expected):
    fields = dict(fields)
    dataset = dicom_dataset(
        row(*stored, dtype=fields.pop("dtype", np.uint16)),
        bits=fields.pop("bits", None),
    )
    for name, value in fields.items():
        setattr(dataset, name, value)  # None makes it empty.
    np.testing.assert_array_equal(decode(dataset), [expected])


@pytest.mark.parametrize("function", [None, "LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
def test_windows_match_pydicom(function, dtype):
    rng = np.random.default_rng(5)
    info = np.iinfo(dtype)
    pixels = rng.integers(info.min, info.max, (20, 30), dtype=dtype, endpoint=True)
    dataset = dicom_dataset(
        pixels,
        RescaleSlope="0.5",
        RescaleIntercept="-300",
        WindowCenter="2100.5",
        WindowWidth="9000",
    )
    if function:
        dataset.VOILUTFunction = function
    shown = apply_windowing(apply_modality_lut(pixels, dataset), dataset)
    low, high = info.min * 0.5 - 300, info.max * 0.5 - 300
    expected = (shown - low) / (high - low) * 255
    assert expected.std() > 10
    assert np.abs(decode(dataset) - expected).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_dark_before_and_after_inversion(photometric):
    dataset = dicom_dataset(
        row(0, 9, 10, 4000), bits=12, PhotometricInterpretation=photometric
    )
    dataset.PixelPaddingValue = 0
    dataset.add_new("PixelPaddingRangeLimit", "US", 9)
    shown = decode(dataset)[0]
    assert list(shown[:2]) == [0, 0]
    assert shown[2] == {"MONOCHROME1": 254, "MONOCHROME2": 1}[photometric]


def test_a_part_of_an_image_is_that_part_of_the_whole():
    pixels = np.random.default_rng(2).integers(0, 4096, (40, 30), dtype=np.uint16)
    dataset = dicom_dataset(pixels, bits=12, WindowCenter=1800, WindowWidth=2500)
    image = decode_dicom(dicom_bytes(dataset), "x.dcm")
    rows, columns = slice(7, 21), slice(3, 29)
    np.testing.assert_array_equal(
        image.grey(rows, columns), image.grey()[rows, columns]
    )
    np.testing.assert_array_equal(image.stored, pixels)


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"RescaleSlope": 0, "RescaleIntercept": 5}, "RescaleSlope .*Received: '0.*'"),
        ({"RescaleSlope": "1e300"}, r"RescaleSlope.*Received: .*1e\+?300"),
        ({"RescaleIntercept": 5}, "RescaleIntercept.*a RescaleSlope beside it"),
        ({"RescaleSlope": -1, "RescaleIntercept": "1e200"}, "RescaleIntercept"),
        ({"WindowCenter": "1e200", "WindowWidth": 1}, "WindowCenter.*Received"),
        ({"WindowCenter": 1}, "WindowCenter.*WindowCenter and WindowWidth together"),
        ({"WindowWidth": 1}, "WindowWidth.*WindowCenter and WindowWidth together"),
        (
            {"VOILUTSequence": [look_up_table(0, 8, [])]},
            "VOILUTSequence.*Received: 0 entries of 8 bits; expected 65536",
        ),
        (
            {"VOILUTSequence": [look_up_table(0, 20, [1])]},
            "VOILUTSequence.*Received: 1 entries of 20 bits",
        ),
        (
            {"ModalityLUTSequence": [look_up_table(0, 20, [1])]},
            "ModalityLUTSequence.*Received: 1 entries of 20 bits",
        ),
        ({"WindowCenter": 1, "WindowWidth": 0}, "WindowWidth .*Received: '0"),
        ({"WindowCenter": 1, "WindowWidth": -2}, "WindowWidth .*Received: '-2"),
    ],
)
def test_an_attribute_without_sense_is_left_out_and_named(fields, note):
    image = decode_dicom(dicom_bytes(dicom_dataset(row(1, 40000), **fields)), "x.dcm")
    np.testing.assert_array_equal(image.grey(), [[0, 156]])
    assert len(image.notes) == 1
    assert re.match(rf"{note}", image.notes[0])
    assert "left out" in image.notes[0]


def test_a_window_with_an_unknown_function_is_linear_and_noted():
    dataset = dicom_dataset(row(0, 1792, 4095), bits=12, **WINDOW)
    dataset.VOILUTFunction = "CUBIC"
    image = decode_dicom(dicom_bytes(dataset), "x.dcm")
    np.testing.assert_array_equal(image.grey(), [[0, 64, 255]])
    assert "VOILUTFunction (0028,1056): left out. Received: 'CUBIC'" in image.notes[0]
    assert image.notes[0].endswith("The window was taken as LINEAR.")


def test_a_table_that_is_left_out_leaves_the_window():
    dataset = dicom_dataset(row(0, 1792, 4095), bits=12, **WINDOW)
    dataset.VOILUTSequence = [look_up_table(0, 20, [1])]
    np.testing.assert_array_equal(decode(dataset), [[0, 64, 255]])


def test_padding_written_unsigned_is_that_of_signed_pixels():
    dataset = dicom_dataset(row(-2000, 0, 2047, dtype=np.int16), bits=12)
    dataset.add_new("PixelPaddingValue", "US", 65536 - 2000)
    np.testing.assert_array_equal(decode(dataset), [[0, 128, 255]])


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
@pytest.mark.parametrize(
    ("vr", "value"), [("SS", -100), ("US", 65536 - 100), ("US", 256 - 100)]
)
def test_padding_of_signed_pixels_of_8_bits_is_a_word_of_16(syntax, vr, value):
    # -100 would be 28 of 255, and -99 is 29.
    dataset = dicom_dataset(row(-100, -99, 127, dtype=np.int8))
    dataset.add_new("PixelPaddingValue", vr, value)
    dataset.file_meta.TransferSyntaxUID = syntax
    np.testing.assert_array_equal(decode(dataset), [[0, 29, 255]])
