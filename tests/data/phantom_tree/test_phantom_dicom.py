from __future__ import annotations

import dataclasses

import numpy as np
import pydicom
import pytest
from pydicom.pixels.decoders.rle import _rle_decode_frame

from keras_wa.data.io import open_image
from keras_wa.data.phantom_tree.phantom_dicom import (
    SAYS_PHANTOM,
    Identity,
    rle_frame,
    write_phantom_dicom,
)

IDENTITY = Identity(
    case="Calc-Training_P_90001_RIGHT_MLO",
    study="1.2.3.4",
    series="1.2.3.5",
    instance=2,
    side="RIGHT",
    view="MLO",
    description="cropped images",
)
PIXELS = np.random.default_rng(0).integers(0, 65536, (31, 23), dtype=np.uint16)


def written(path, pixels=PIXELS, rle=True, marked=False, **changes):
    identity = dataclasses.replace(IDENTITY, **changes)
    write_phantom_dicom(path, pixels, identity, rle, marked)
    return pydicom.dcmread(path)


@pytest.mark.parametrize("rle", [True, False])
@pytest.mark.parametrize("pixels", [PIXELS, (PIXELS > 32768).astype(np.uint8) * 255])
def test_pixels_survive_compressed_or_not(pixels, rle, tmp_path):
    dataset = written(tmp_path / "new" / "folder" / "a.dcm", pixels, rle)
    image = open_image(tmp_path / "new" / "folder" / "a.dcm")

    np.testing.assert_array_equal(image.stored, pixels)
    assert image.spacing_mm is None
    assert dataset.file_meta.TransferSyntaxUID.is_compressed == rle
    assert dataset.SmallestImagePixelValue == pixels.min()
    assert dataset.LargestImagePixelValue == pixels.max()


def test_header_is_like_that_of_an_official_file(tmp_path):
    dataset = written(tmp_path / "a.dcm")
    expected = {
        "SOPClassUID": pydicom.uid.SecondaryCaptureImageStorage,
        "Modality": "MG",
        "ConversionType": "WSD",
        "SeriesDescription": "cropped images",
        "PatientID": "Calc-Training_P_90001_RIGHT_MLO",
        "PatientName": "Calc-Training_P_90001_RIGHT_MLO",
        "BodyPartExamined": "BREAST",
        "StudyInstanceUID": "1.2.3.4",
        "SeriesInstanceUID": "1.2.3.5",
        "InstanceNumber": 2,
        "PatientOrientation": "MLO",
        "Laterality": "R",
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
    }

    assert {name: dataset.get(name) for name in expected} == expected
    assert "PixelSpacing" not in dataset


@pytest.mark.parametrize("marked", [True, False])
def test_every_file_says_that_it_is_a_phantom(marked, tmp_path):
    dataset = written(tmp_path / "a.dcm", marked=marked)

    for name in ("Manufacturer", "InstitutionName", "ImageComments"):
        assert dataset.get(name) == SAYS_PHANTOM
    assert "not a patient" in SAYS_PHANTOM
    assert dataset.BurnedInAnnotation == ("YES" if marked else "NO")


def test_a_missing_description_is_no_empty_one(tmp_path):
    assert "SeriesDescription" not in written(tmp_path / "a.dcm", description="")


def test_each_instance_has_an_identifier_of_its_own(tmp_path):
    found = {
        written(tmp_path / "a.dcm", **change).SOPInstanceUID
        for change in ({}, {"instance": 1}, {"series": "1.2.3.6"}, {"study": "1.2.3.7"})
    }

    assert len(found) == 4
    assert all(pydicom.uid.UID(uid).is_valid for uid in found)


def test_same_image_gives_the_same_bytes(tmp_path):
    for name in ("a.dcm", "b.dcm"):
        written(tmp_path / name)

    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.dcm", "b.dcm"]


RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 65536, (33, 300), dtype=np.uint16)
EMPTY_SIDES = np.pad(NOISE[:, :100], ((3, 2), (200, 140)))


def pydicom_decoded(frame, shape, bits):
    raw = _rle_decode_frame(frame, *shape, 1, bits)
    return np.frombuffer(raw, f"<u{bits // 8}").reshape(shape)


@pytest.mark.parametrize("columns", [1, 2, 127, 128, 129, 255, 256, 257, 300])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("image", [NOISE, np.zeros_like(NOISE)], ids=["noise", "even"])
def test_pydicom_decodes_what_was_encoded(image, bits, columns):
    image = image[:, :columns].astype(f"u{bits // 8}")

    decoded = pydicom_decoded(rle_frame(image), image.shape, bits)
    np.testing.assert_array_equal(decoded, image)


def test_even_areas_take_hardly_any_space():
    assert len(rle_frame(np.zeros((1000, 1280), np.uint8))) == 64 + 1000 * 10 * 2
    assert len(rle_frame(EMPTY_SIDES)) < 0.6 * EMPTY_SIDES.nbytes
    assert len(rle_frame(NOISE)) < 1.03 * NOISE.nbytes + 64
