"""A picture of the result as a DICOM secondary capture."""

from __future__ import annotations

import re
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
    SecondaryCaptureImageStorage,
)
from pydicom.valuerep import DSfloat

from keras_wa.data.io.header import DicomHeader
from keras_wa.data.io.spacing import spacing_in_breast
from keras_wa.errors import UserError
from keras_wa.inference.dicom_out.copying import take_over
from keras_wa.inference.dicom_out.model_result import Algorithm
from keras_wa.inference.dicom_out.source import (
    check_source,
    header,
    no_warnings,
    not_taken_over,
    side,
    size_of,
)

_SERIES_NUMBER = 9102
_LARGEST = 65535
"""Rows and columns are 16-bit numbers."""

_CODE_STRING = re.compile(r"[A-Z0-9 _]{1,16}")
_ORIENTATION = re.compile(r"[APRLHF]{1,3}")

_LOSSY = {
    JPEGBaseline8Bit: "ISO_10918_1",
    JPEGExtended12Bit: "ISO_10918_1",
    JPEGLSNearLossless: "ISO_14495_1",
}
_SPACING = (
    "PixelSpacing",
    "PixelSpacingCalibrationType",
    "PixelSpacingCalibrationDescription",
    "NominalScannedPixelSpacing",
)


@no_warnings()
def secondary_capture(
    source: Dataset,
    picture: NDArray[np.uint8],
    algorithm: Algorithm,
    when: datetime,
) -> Dataset:
    """Creates a secondary capture of a picture that was drawn on a mammogram.

    It is in the source's study and a new series. A picture, uint8 RGB (H, W, 3), with
    the size of the source gets the source's pixel spacing.

    Raises:
        UserError: the source lacks an identifier or is not a single image, or the
            picture has another shape or dtype.
    """
    check_source(source)
    _check(picture)
    dataset = header(source, algorithm, when)
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SeriesNumber = _SERIES_NUMBER
    dataset.SeriesDescription = f"{algorithm.name}: overlay"[:64]
    # A secondary capture has the modality of the source (PS3.3 C.8.6.1).
    dataset.Modality = DicomHeader(source).text("Modality") or "OT"
    dataset.ConversionType = "WSD"
    _place(dataset, source)
    _derivation(dataset, source, algorithm)
    notes = [*not_taken_over(source), *_lossy(dataset, source)]
    _pixels(dataset, picture)
    if picture.shape[:2] == size_of(source):
        notes += _spacing(dataset, source)
    dataset.ImageComments = "\r\n".join([algorithm.description, *notes])
    return dataset


def _check(picture: NDArray) -> None:
    shape = np.shape(picture)
    fits = len(shape) == 3 and shape[2] == 3 and min(shape[:2]) > 0
    if not fits or max(shape[:2]) > _LARGEST or picture.dtype != np.uint8:
        raise UserError(
            f"picture. Received: shape {shape}, {picture.dtype}; expected (H, W, 3), "
            f"uint8, up to {_LARGEST} rows and columns."
        )


def _place(dataset: Dataset, source: Dataset) -> None:
    """Copies the anatomic region, if the source has it in DICOM's terms."""
    stated = DicomHeader(source)
    part = stated.text("BodyPartExamined")
    if _CODE_STRING.fullmatch(part):
        dataset.BodyPartExamined = part
    elif dataset.Modality == "MG":
        dataset.BodyPartExamined = "BREAST"
    dataset.Laterality = side(source)
    orientation = (stated.shown("PatientOrientation") or "").split("\\")
    valid = len(orientation) == 2 and all(map(_ORIENTATION.fullmatch, orientation))
    # CBIS-DDSM has the view there; empty is allowed if unknown.
    dataset.PatientOrientation = orientation if valid else ""


def _derivation(dataset: Dataset, source: Dataset, algorithm: Algorithm) -> None:
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.DerivationDescription = f"{algorithm.name} {algorithm.version}: drawn over"
    origin = Dataset()
    origin.ReferencedSOPClassUID = source.SOPClassUID
    origin.ReferencedSOPInstanceUID = source.SOPInstanceUID
    purpose = codes.DCM.SourceImageForImageProcessingOperation
    origin.PurposeOfReferenceCodeSequence = [_coded(purpose)]
    dataset.SourceImageSequence = [origin]
    maker = Dataset()
    maker.Manufacturer = algorithm.maker
    maker.ManufacturerModelName = algorithm.name
    maker.SoftwareVersions = algorithm.version
    maker.ContributionDescription = algorithm.description
    maker.PurposeOfReferenceCodeSequence = [_coded(codes.DCM.ProcessingEquipment)]
    dataset.ContributingEquipmentSequence = [maker]
    # Letters of the source are in the picture too; unknown means possible.
    clean = DicomHeader(source).text("BurnedInAnnotation") == "NO"
    dataset.BurnedInAnnotation = "NO" if clean else "YES"


def _lossy(dataset: Dataset, source: Dataset) -> list[str]:
    """Copies lossy compression, which derived images keep (PS3.3 C.7.6.1.1.5)."""
    notes: list[str] = []
    meta = getattr(source, "file_meta", None) or Dataset()
    method = _LOSSY.get(meta.get("TransferSyntaxUID"))
    stated = DicomHeader(source).text("LossyImageCompression")
    if stated == "01" or method:
        dataset.LossyImageCompression = "01"
        fields = ("LossyImageCompressionRatio", "LossyImageCompressionMethod")
        notes = take_over(dataset, source, filter(DicomHeader(source).states, fields))
        if method and "LossyImageCompressionMethod" not in dataset:
            dataset.LossyImageCompressionMethod = method
    elif stated == "00":
        dataset.LossyImageCompression = "00"
    return notes


def _spacing(dataset: Dataset, source: Dataset) -> list[str]:
    """Sets the pixel spacing; that in the breast if the source's is not corrected."""
    header = DicomHeader(source)
    spacing, origin = spacing_in_breast(header.frame())
    if spacing is None or "/" not in origin:
        return take_over(dataset, source, filter(header.states, _SPACING))
    dataset.PixelSpacing = [DSfloat(number, auto_format=True) for number in spacing]
    dataset.PixelSpacingCalibrationType = "GEOMETRY"
    dataset.PixelSpacingCalibrationDescription = "Divided by the magnification"
    return []


def _coded(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme_designator
    item.CodeMeaning = code.meaning
    return item


def _pixels(dataset: Dataset, picture: NDArray) -> None:
    dataset.SamplesPerPixel = 3
    dataset.PhotometricInterpretation = "RGB"
    dataset.PlanarConfiguration = 0
    dataset.Rows, dataset.Columns = picture.shape[:2]
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    data = np.ascontiguousarray(picture).tobytes()
    dataset.add_new("PixelData", "OB", data + b"\0" * (len(data) % 2))
