"""Which DICOM files are taken, and one line on each that is not."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from pydicom.uid import (
    BreastProjectionXRayImageStorageForProcessing,
    DigitalMammographyXRayImageStorageForProcessing,
    DigitalXRayImageStorageForProcessing,
    ExplicitVRBigEndian,
    RLELossless,
)

from keras_wa.data.io.dicom import LARGEST, decode_dicom
from keras_wa.errors import UserError
from tests.data.io.dicom_files import (
    decode,
    dicom_bytes,
    dicom_dataset,
    no_warnings,
    row,
)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"Modality": "CT"}, r"Modality \(0008,0060\). Received: 'CT'; expected 'MG'"),
        ({"PixelData": None}, r"PixelData \(7FE0,0010\). Received: nothing"),
        ({"NumberOfFrames": 7}, r"NumberOfFrames \(0028,0008\). Received: 7"),
        ({"PhotometricInterpretation": "RGB"}, "Received: 'RGB'"),
        ({"SamplesPerPixel": 3}, "with 3 samples per pixel"),
        ({"Rows": 400}, r"PixelData.*4 bytes; expected 1600 for 400 rows by 2"),
        ({"Columns": 1}, r"PixelData.*4 bytes; expected 2 for 1 rows by 1"),
        ({"Rows": 0}, r"Rows .* Received: 0 by 2; expected at least 1 by 1"),
        # 65535 x 65535 pixels of 16 bits are 8.6 GB.
        ({"Rows": 65535, "Columns": 65535}, rf"65535 by 65535; .* {LARGEST} pixels"),
        ({"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31}, "32, 32 and 31"),
        ({"BitsStored": 17}, "16, 17 and 15; expected 8 or 16"),
        ({"BitsStored": 0}, "16, 0 and 15"),
        ({"HighBit": 11}, "16, 16 and 11"),
        ({"BitsAllocated": None}, r"BitsAllocated \(0028,0100\). Received: nothing"),
        ({"PixelRepresentation": 2}, r"PixelRepresentation.*Received: 2; expected 0"),
    ],
)
def test_an_unfit_file_names_itself_and_the_field(fields, message):
    with pytest.raises(UserError, match=message) as caught:
        decode(dicom_dataset(row(1, 2), **fields))
    assert str(caught.value).startswith("x.dcm: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"SOPClassUID": DigitalMammographyXRayImageStorageForProcessing},
        {"SOPClassUID": BreastProjectionXRayImageStorageForProcessing},
        {"SOPClassUID": DigitalXRayImageStorageForProcessing},
        {"PresentationIntentType": "For Processing "},
        {"PresentationIntentType": "FOR PROCESSING"},
    ],
)
def test_the_detectors_raw_signal_is_taken_only_when_asked_for(fields):
    with no_warnings():
        data = dicom_bytes(dicom_dataset(row(0, 65535), **fields))
    with pytest.raises(UserError, match=r"'FOR PROCESSING'.*`for_processing=True`"):
        decode_dicom(data, "x.dcm")
    shown = decode_dicom(data, "x.dcm", for_processing=True).grey()
    np.testing.assert_array_equal(shown, [[0, 255]])


def test_a_compressed_claim_that_the_data_cannot_fill_is_refused_at_once():
    dataset = dicom_dataset(np.zeros((64, 64), np.uint16))
    dataset.compress(RLELossless)
    dataset.Rows, dataset.Columns = 8000, 16000
    with pytest.raises(UserError, match=r"expected 256000000 for 8000 rows by 16000"):
        decode(dataset)


def test_padding_at_the_end_is_no_harm_but_another_row_is():
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4)
    dataset = dicom_dataset(pixels)
    dataset.PixelData += bytes(6)
    assert decode(dataset).shape == (3, 4)
    dataset.PixelData += bytes(2)
    with pytest.raises(UserError, match="32 bytes; expected 24"):
        decode(dataset)


def test_a_file_cut_off_anywhere_is_a_user_error():
    pixels = np.arange(32, dtype=np.uint16).reshape(4, 8)
    data = dicom_bytes(dicom_dataset(pixels))
    for end in range(132, len(data)):
        with pytest.raises(UserError, match=r"^x\.dcm: "):
            decode_dicom(data[:end], "x.dcm")


@pytest.mark.parametrize("data", [b"", b"GIF89a", bytes(200)])
def test_what_is_no_dicom_file_says_so(data):
    with pytest.raises(UserError, match=r"x\.dcm: not a DICOM file"):
        decode_dicom(data, "x.dcm")


@pytest.mark.parametrize(
    "fields",
    [
        {"Modality": "mg"},
        {"Modality": " MG "},
        {"Modality": ["MG", "MG"]},
        {"PhotometricInterpretation": "monochrome2 "},
        {"PhotometricInterpretation": " MONOCHROME2"},
        {"Modality": None},
        {"HighBit": None, "PixelRepresentation": None},
    ],
)
def test_blanks_lower_case_and_what_may_be_absent_do_not_matter(fields):
    with no_warnings():
        dataset = dicom_dataset(row(0, 65535), **fields)
        np.testing.assert_array_equal(decode(dataset), [[0, 255]])


@pytest.mark.parametrize(
    ("vr", "data"),
    [
        ("OB", [1, 2, 3, 4]),
        ("OB", [1, 2, 3, 0]),
        # A word holds two pixels, the first in its lower byte.
        ("OW", [2, 1, 4, 3]),
        ("OW", [2, 1, 0, 3]),
    ],
)
def test_eight_bit_pixels_of_a_big_endian_file(vr, data):
    pixels = row(*sorted(set(data) - {0}), dtype=np.uint8)
    dataset = dicom_dataset(pixels)
    dataset.add_new("PixelData", vr, bytes(data))
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    np.testing.assert_array_equal(decode(dataset), pixels)


def test_signed_pixels_of_a_big_endian_file():
    dataset = dicom_dataset(row(-32768, 0, 32767, dtype=np.int16))
    dataset.PixelData = np.array([-32768, 0, 32767], ">i2").tobytes()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    np.testing.assert_array_equal(decode(dataset), [[0, 128, 255]])


def test_oddities_in_a_file_do_not_reach_the_terminal(capfd):
    dataset = dicom_dataset(row(1, 2))
    data = dicom_bytes(dataset).replace(b"MG", b"m\n", 1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.resetwarnings()
        warnings.filterwarnings("ignore", category=UserWarning, module="pydicom")
        with pytest.raises(UserError, match="Received: 'm'"):
            decode_dicom(data, "x.dcm")
    assert caught == []
    assert capfd.readouterr() == ("", "")


def test_a_file_that_does_not_say_how_it_is_encoded_says_so():
    dataset = dicom_dataset(row(1, 2))
    data = dicom_bytes(dataset)
    # The element (0002,0010) becomes (0002,0011), which is unknown.
    data = data.replace(b"\x02\0\x10\0UI", b"\x02\0\x11\0UI", 1)
    with pytest.raises(UserError, match=r"TransferSyntaxUID.*Received: nothing"):
        decode_dicom(data, "x.dcm")
