from __future__ import annotations

import sys

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    JPEGBaseline8Bit,
    SecondaryCaptureImageStorage,
)

from keras_wa.errors import UserError
from keras_wa.inference.dicom_out import Algorithm, secondary_capture, write_dicom
from tests.data.io.dicom_files import dicom_bytes
from tests.imports import deep_learning_libraries_of
from tests.inference.dicom_out.sources import (
    ALGORITHM,
    PICTURE,
    WHEN,
    digital,
    film,
    real_film,
)


def written(folder, source, picture=PICTURE):
    path = folder / "capture.dcm"
    write_dicom(secondary_capture(source, picture, ALGORITHM, WHEN), path)
    return pydicom.dcmread(path)


@pytest.mark.parametrize("picture", [PICTURE, PICTURE[:, ::-1], PICTURE[:3, :5]])
def test_the_picture_comes_back_as_it_was(picture, tmp_path):
    found = written(tmp_path, film(tmp_path), picture)

    np.testing.assert_array_equal(found.pixel_array, picture)
    assert found.PhotometricInterpretation == "RGB"
    assert found.SOPClassUID == SecondaryCaptureImageStorage
    assert len(found.PixelData) % 2 == 0


@pytest.mark.parametrize("make", [film, real_film, digital])
def test_it_is_a_derived_image_of_the_same_patient_and_study(make, tmp_path):
    source = make(tmp_path)
    found = written(tmp_path, source)

    for name in ("PatientName", "PatientID", "StudyInstanceUID", "StudyDate"):
        assert found[name].value == source[name].value
    assert found.ImageType == ["DERIVED", "SECONDARY"]
    origin = found.SourceImageSequence[0]
    assert origin.ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert origin.ReferencedSOPClassUID == source.SOPClassUID
    assert found.ImageComments == ALGORITHM.description
    maker = found.ContributingEquipmentSequence[0]
    assert maker.SoftwareVersions == ALGORITHM.version
    assert found.BodyPartExamined == "BREAST"
    assert found.Laterality == ("L" if make is digital else "R")
    assert found.Modality == "MG"


def test_the_view_in_the_place_of_the_orientation_is_left_out(tmp_path):
    assert film(tmp_path).PatientOrientation == "MLO"
    assert not written(tmp_path, film(tmp_path)).PatientOrientation
    assert written(tmp_path, digital(tmp_path)).PatientOrientation == ["P", "L"]


@pytest.mark.parametrize(
    ("stated", "expected"), [("NO", "NO"), ("YES", "YES"), (None, "YES")]
)
def test_letters_are_ruled_out_only_where_the_source_does(stated, expected, tmp_path):
    source = digital(tmp_path, BurnedInAnnotation=stated)

    assert written(tmp_path, source).BurnedInAnnotation == expected


def test_what_was_lost_before_stays_lost(tmp_path):
    lossy = digital(
        tmp_path,
        LossyImageCompression="01",
        LossyImageCompressionRatio=["10.5"],
        LossyImageCompressionMethod=["ISO_15444_1"],
    )
    found = written(tmp_path, lossy)

    assert found.LossyImageCompression == "01"
    assert found.LossyImageCompressionRatio == 10.5
    assert found.LossyImageCompressionMethod == "ISO_15444_1"


def test_a_lossy_source_that_does_not_say_so_is_known_by_its_encoding(tmp_path):
    source = digital(tmp_path, LossyImageCompression=None)
    assert "LossyImageCompression" not in written(tmp_path, source)
    source.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    found = written(tmp_path, source)

    assert found.LossyImageCompression == "01"
    assert found.LossyImageCompressionMethod == "ISO_10918_1"


def test_a_lossless_source_stays_one(tmp_path):
    assert written(tmp_path, digital(tmp_path)).LossyImageCompression == "00"


def test_only_a_picture_of_the_same_size_has_the_spacing_of_the_source(tmp_path):
    source = digital(tmp_path, PixelSpacing=[0.1, 0.1])

    assert written(tmp_path, source).PixelSpacing == [0.1, 0.1]
    assert "PixelSpacing" not in written(tmp_path, source, PICTURE[::2, ::2])


def test_the_spacing_of_a_magnification_view_is_that_in_the_breast(tmp_path):
    same = {"PixelSpacing": [0.07, 0.07], "ImagerPixelSpacing": [0.07, 0.07]}
    factor = {"EstimatedRadiographicMagnificationFactor": 1.8}
    found = written(tmp_path, digital(tmp_path, **same, **factor))

    assert found.PixelSpacing == pytest.approx([0.07 / 1.8] * 2)
    assert found.PixelSpacingCalibrationType == "GEOMETRY"
    assert written(tmp_path, digital(tmp_path, **same)).PixelSpacing == [0.07, 0.07]


@pytest.mark.parametrize("stated", ["", "Left Breast", "<i>mamma</i>"])
def test_a_part_of_the_body_that_is_no_code_becomes_one(stated, tmp_path):
    source = digital(tmp_path)
    source.add_new("BodyPartExamined", "LO", stated)

    assert written(tmp_path, source).BodyPartExamined == "BREAST"


@pytest.mark.parametrize(
    "picture",
    [
        PICTURE[..., 0],
        PICTURE[..., :2],
        PICTURE[:0],
        PICTURE.astype(float),
        np.zeros((1, 65536, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(picture, tmp_path):
    with pytest.raises(UserError, match=r"^picture\. Received: shape "):
        secondary_capture(film(tmp_path), picture, ALGORITHM, WHEN)


def test_a_capture_needs_neither_highdicom_nor_deep_learning(tmp_path, monkeypatch):
    # Python's own way to say that a module is not there.
    monkeypatch.setitem(sys.modules, "highdicom", None)
    found = secondary_capture(film(tmp_path), PICTURE, ALGORITHM, WHEN)

    assert found.Rows == len(PICTURE)
    assert deep_learning_libraries_of("import keras_wa.inference.dicom_out") == []


def test_a_source_without_identifier_is_refused(tmp_path):
    source = film(tmp_path)
    del source.StudyInstanceUID

    with pytest.raises(UserError, match="StudyInstanceUID"):
        secondary_capture(source, PICTURE, ALGORITHM, WHEN)


def test_the_source_is_left_as_it_is(tmp_path):
    source = digital(tmp_path)
    before = dicom_bytes(source)
    secondary_capture(source, PICTURE, ALGORITHM, WHEN)

    assert dicom_bytes(source) == before


@pytest.mark.dciodvfy
@pytest.mark.parametrize(
    ("make", "fields"),
    [
        (film, {}),
        (real_film, {}),
        (film, {"marked": True}),
        (digital, {}),
        (digital, {"PatientBirthDate": None, "ImageLaterality": ""}),
        (digital, {"PixelSpacing": [0.1, 0.1], "LossyImageCompression": "01"}),
    ],
)
def test_dciodvfy_finds_no_error(make, fields, tmp_path, errors_of):
    algorithm = Algorithm("x" * 64, "x" * 64, "x" * 64, "x" * 1024)
    source = make(tmp_path, **fields)
    for by in (ALGORITHM, algorithm):
        write_dicom(secondary_capture(source, PICTURE, by, WHEN), tmp_path / "c.dcm")
        assert errors_of(tmp_path / "c.dcm") == []


@pytest.mark.dciodvfy
def test_dciodvfy_finds_an_error_where_there_is_one(tmp_path, errors_of):
    film(tmp_path)

    # The view in PatientOrientation, as CBIS-DDSM has it.
    assert "PatientOrientation" in errors_of(tmp_path / "film.dcm")[0]
