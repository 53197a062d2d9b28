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


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        # 2048 / 4095 * 255 = 127.53
        (dicom_dataset(row(0, 2048, 4095), bits=12), [0, 128, 255]),
        (dicom_dataset(row(0, 2048, 65535)), [0, 8, 255]),
        (dicom_dataset(row(0, 77, 255, dtype=np.uint8)), [0, 77, 255]),
        # Two's complement: -32768 is the least value.
        (dicom_dataset(row(-32768, 0, 32767, dtype=np.int16)), [0, 128, 255]),
        # Rescaled to -100..410: (156 + 100) / 510 * 255 = 128
        (
            dicom_dataset(
                row(0, 128, 255, dtype=np.uint8), RescaleSlope=2, RescaleIntercept=-100
            ),
            [0, 128, 255],
        ),
        # A negative slope turns dark into bright.
        (
            dicom_dataset(
                row(0, 55, 255, dtype=np.uint8), RescaleSlope=-1, RescaleIntercept=255
            ),
            [255, 200, 0],
        ),
    ],
    ids=["12 bits", "16 bits", "8 bits", "signed", "rescaled", "negative slope"],
)
def test_without_a_window_the_bits_stored_set_the_scale(dataset, expected):
    np.testing.assert_array_equal(decode(dataset), [expected])


def test_monochrome1_is_inverted():
    dataset = dicom_dataset(
        row(0, 2048, 4095), bits=12, PhotometricInterpretation="MONOCHROME1"
    )
    np.testing.assert_array_equal(decode(dataset), [[255, 127, 0]])


def test_a_linear_window_follows_the_standards_formula():
    # PS3.3 C.11.2.1.2.1, c = 2048, w = 1024: 0 up to 1536, 255 above 2559, between
    # ((x - 2047.5) / 1023 + 0.5) * 255; 1792 gives 63.8.
    dataset = dicom_dataset(
        row(0, 1536, 1792, 2559, 4095), bits=12, WindowCenter=2048, WindowWidth=1024
    )
    np.testing.assert_array_equal(decode(dataset), [[0, 0, 64, 255, 255]])


def test_the_window_is_in_units_after_the_modality_stage():
    # Stored 950, 1050, 1150 are 1800, 2000, 2200 after it; the window ends at 1799.5
    # and 2199.5. Applied to stored values it would make everything black.
    dataset = dicom_dataset(
        row(950, 1050, 1150),
        bits=12,
        RescaleSlope=2,
        RescaleIntercept=-100,
        WindowCenter=2000,
        WindowWidth=401,
    )
    np.testing.assert_array_equal(decode(dataset), [[0, 128, 255]])


def test_the_inversion_comes_after_the_window():
    dataset = dicom_dataset(
        row(0, 1792, 4095),
        bits=12,
        WindowCenter=2048,
        WindowWidth=1024,
        PhotometricInterpretation="MONOCHROME1",
    )
    np.testing.assert_array_equal(decode(dataset), [[255, 191, 0]])


def test_the_first_of_several_windows_counts():
    dataset = dicom_dataset(
        row(0, 1792, 4095), bits=12, WindowCenter=[2048, 9], WindowWidth=[1024, 2]
    )
    np.testing.assert_array_equal(decode(dataset), [[0, 64, 255]])


def test_a_linear_window_of_one_level_is_a_threshold():
    dataset = dicom_dataset(row(99, 100, 101), WindowCenter=100.5, WindowWidth=1)
    np.testing.assert_array_equal(decode(dataset), [[0, 0, 255]])


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


def test_padding_is_as_dark_as_air():
    dataset = dicom_dataset(row(0, 5, 2048, 4095), bits=12)
    dataset.PixelPaddingValue = 4095
    np.testing.assert_array_equal(decode(dataset), [[0, 0, 128, 0]])


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


def test_signed_padding_is_a_stored_value():
    dataset = dicom_dataset(row(-2000, -1, 0, 2047, dtype=np.int16), bits=12)
    dataset.add_new("PixelPaddingValue", "SS", -2000)
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, 2048
    np.testing.assert_array_equal(decode(dataset), [[0, 127, 128, 255]])


def test_bits_that_are_not_stored_do_not_count():
    # 12 bits stored: the upper four hold an overlay or rubbish.
    dataset = dicom_dataset(row(0x0FFF, 0xF800, 0x1000), bits=12)
    np.testing.assert_array_equal(decode(dataset), [[255, 128, 0]])


def test_the_sign_of_fewer_bits_than_allocated_is_extended():
    # 0x800 of 12 bits is -2048, the least value.
    pixels = np.array([[0x0800, 0x0000, 0x07FF]], np.uint16).view(np.int16)
    np.testing.assert_array_equal(
        decode(dicom_dataset(pixels, bits=12)), [[0, 128, 255]]
    )


def test_a_part_of_an_image_is_that_part_of_the_whole():
    pixels = np.random.default_rng(2).integers(0, 4096, (40, 30), dtype=np.uint16)
    dataset = dicom_dataset(pixels, bits=12, WindowCenter=1800, WindowWidth=2500)
    image = decode_dicom(dicom_bytes(dataset), "x.dcm")
    rows, columns = slice(7, 21), slice(3, 29)
    np.testing.assert_array_equal(
        image.grey(rows, columns), image.grey()[rows, columns]
    )
    np.testing.assert_array_equal(image.stored, pixels)


def test_a_sigmoid_far_from_its_centre_is_black_or_white():
    dataset = dicom_dataset(
        row(0, 100, 65535), WindowCenter=100, WindowWidth=1, VOILUTFunction="SIGMOID"
    )
    np.testing.assert_array_equal(decode(dataset), [[0, 128, 255]])


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
    dataset = dicom_dataset(
        row(0, 1792, 4095), bits=12, WindowCenter=2048, WindowWidth=1024
    )
    dataset.VOILUTFunction = "CUBIC"
    image = decode_dicom(dicom_bytes(dataset), "x.dcm")
    np.testing.assert_array_equal(image.grey(), [[0, 64, 255]])
    assert "VOILUTFunction (0028,1056): left out. Received: 'CUBIC'" in image.notes[0]
    assert image.notes[0].endswith("The window was taken as LINEAR.")


def test_a_table_that_is_left_out_leaves_the_window():
    dataset = dicom_dataset(
        row(0, 1792, 4095), bits=12, WindowCenter=2048, WindowWidth=1024
    )
    dataset.VOILUTSequence = [look_up_table(0, 20, [1])]
    np.testing.assert_array_equal(decode(dataset), [[0, 64, 255]])


def test_a_negative_slope_turns_dark_into_bright_with_a_window_too():
    # Stored 0, 2048, 4095 mean 4095, 2047, 0; the window is 0..4095.
    dataset = dicom_dataset(
        row(0, 2048, 4095),
        bits=12,
        RescaleSlope=-1,
        RescaleIntercept=4095,
        WindowCenter=2048,
        WindowWidth=4096,
    )
    np.testing.assert_array_equal(decode(dataset), [[255, 127, 0]])


def test_attributes_that_are_empty_do_not_count():
    dataset = dicom_dataset(row(0, 65535), WindowCenter=1, WindowWidth=2)
    dataset.RescaleSlope = dataset.RescaleIntercept = None
    dataset.WindowCenter = dataset.WindowWidth = None
    np.testing.assert_array_equal(decode(dataset), [[0, 255]])


def test_a_slope_alone_has_an_intercept_of_zero():
    dataset = dicom_dataset(row(0, 55, 255, dtype=np.uint8), RescaleSlope=-1)
    np.testing.assert_array_equal(decode(dataset), [[255, 200, 0]])


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
