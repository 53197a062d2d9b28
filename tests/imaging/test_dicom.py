"""DICOM pixels against values worked by hand and against pydicom."""

from __future__ import annotations

import io

import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.pixels.processing import apply_modality_lut, apply_windowing
from pydicom.uid import JPEGLosslessSV1, RLELossless

from keras_wa.errors import UserError
from keras_wa.imaging.dicom import decode_dicom
from tests.imaging.dicom_files import dicom_dataset, look_up_table


def decode(dataset) -> np.ndarray:
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return decode_dicom(file.getvalue(), "x.dcm").grey()


def row(*values: int, dtype=np.uint16) -> np.ndarray:
    return np.array([values], dtype)


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


def test_a_voi_table_maps_and_repeats_its_ends():
    dataset = dicom_dataset(
        row(5, 10, 11, 13, 200),
        bits=12,
        VOILUTSequence=[look_up_table(10, 8, [0, 85, 170, 255])],
    )
    np.testing.assert_array_equal(decode(dataset), [[0, 0, 85, 255, 255]])


def test_a_voi_table_may_have_more_entries_than_output_levels():
    table = look_up_table(0, 8, [index // 4 for index in range(1024)])
    dataset = dicom_dataset(row(3, 512, 1023), bits=10, VOILUTSequence=[table])
    np.testing.assert_array_equal(decode(dataset), [[0, 128, 255]])


def test_a_voi_table_is_preferred_to_a_window():
    dataset = dicom_dataset(
        row(0, 1),
        VOILUTSequence=[look_up_table(0, 8, [255, 0])],
        WindowCenter=1,
        WindowWidth=2,
    )
    np.testing.assert_array_equal(decode(dataset), [[255, 0]])


def test_a_voi_table_may_hold_bytes_or_numbers():
    packed = look_up_table(0, 8, [0, 85, 170, 255])
    packed.LUTData = bytes([0, 85, 170, 255])
    numbers = look_up_table(0, 8, [0, 85, 170, 255])
    numbers["LUTData"].VR = "US"
    numbers.LUTData = [0, 85, 170, 255]
    for table in (packed, numbers):
        dataset = dicom_dataset(row(0, 1, 2, 3), VOILUTSequence=[table])
        np.testing.assert_array_equal(decode(dataset), [[0, 85, 170, 255]])


def test_a_modality_table_comes_before_the_window():
    # Stored 0, 1, 2 mean 0, 1000, 4000; the window is 0..2000 (w - 1 wide).
    dataset = dicom_dataset(
        row(0, 1, 2, dtype=np.uint8),
        ModalityLUTSequence=[look_up_table(0, 16, [0, 1000, 4000])],
        WindowCenter=1000.5,
        WindowWidth=2001,
    )
    np.testing.assert_array_equal(decode(dataset), [[0, 128, 255]])


def test_a_compressed_file_that_can_be_decoded_gives_the_same_pixels():
    pixels = np.random.default_rng(0).integers(0, 4096, (24, 16), dtype=np.uint16)
    plain = dicom_dataset(pixels, bits=12)
    compressed = dicom_dataset(pixels, bits=12)
    compressed.compress(RLELossless)
    np.testing.assert_array_equal(decode(compressed), decode(plain))


def test_a_file_that_states_no_modality_is_taken():
    np.testing.assert_array_equal(
        decode(dicom_dataset(row(0, 65535), Modality=None)), [[0, 255]]
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"Modality": "CT"}, r"Modality \(0008,0060\). Received: 'CT'; expected 'MG'"),
        ({"PixelData": None}, r"PixelData \(7FE0,0010\). Received: nothing"),
        ({"NumberOfFrames": 7}, r"NumberOfFrames \(0028,0008\). Received: 7"),
        ({"PhotometricInterpretation": "RGB"}, "Received: 'RGB'"),
        ({"Rows": 400}, r"PixelData.*Received: 4 bytes; expected 1600 for 400 rows by 2"),
        ({"WindowCenter": 1, "WindowWidth": -2}, "WindowWidth .* is -2"),
        ({"WindowCenter": 1, "WindowWidth": 2, "VOILUTFunction": "CUBIC"}, "CUBIC"),
    ],
)
def test_an_unfit_file_names_itself_and_the_field(fields, message):
    with pytest.raises(UserError, match=message) as caught:
        decode(dicom_dataset(row(1, 2), **fields))
    assert str(caught.value).startswith("x.dcm: ")
    assert "\n" not in str(caught.value)


def test_a_file_cut_off_anywhere_is_a_user_error():
    file = io.BytesIO()
    pixels = np.arange(32, dtype=np.uint16).reshape(4, 8)
    dicom_dataset(pixels).save_as(file, enforce_file_format=True)
    data = file.getvalue()
    for end in range(132, len(data)):
        with pytest.raises(UserError, match=r"^x\.dcm: "):
            decode_dicom(data[:end], "x.dcm")
