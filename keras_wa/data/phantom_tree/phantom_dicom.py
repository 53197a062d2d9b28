"""Writes phantom images as DICOM files like CBIS-DDSM's, marked as phantoms."""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRLittleEndian,
    RLELossless,
    SecondaryCaptureImageStorage,
    generate_uid,
)

from keras_wa.files import replacing

SAYS_PHANTOM = "keras_wa phantom, in silico, not a patient"
"""Institution, manufacturer and image comments of every file."""

_IMPLEMENTATION = generate_uid(entropy_srcs=["keras_wa", "phantom"])


@dataclasses.dataclass(frozen=True)
class Identity:
    """Identifying attributes of a file.

    `case` is the PatientID; in CBIS-DDSM it names the case, such as
    `Calc-Training_P_00005_RIGHT_CC`, with the abnormality's number for crops and masks.
    `instance` is from 1, and a `description` of `""` is left out.
    """

    case: str
    study: str
    series: str
    instance: int
    side: str
    view: str
    description: str


def write_phantom_dicom(
    path: Path, pixels: NDArray, identity: Identity, rle: bool, marked: bool
) -> None:
    """Writes uint8 or uint16 pixels as a DICOM file, atomically.

    The attributes are those of CBIS-DDSM's files: secondary capture, modality MG, no
    pixel spacing, the view in PatientOrientation. `marked`: the image contains text.
    """
    dataset = _dataset(pixels, identity)
    dataset.BurnedInAnnotation = "YES" if marked else "NO"
    if rle:
        dataset.file_meta.TransferSyntaxUID = RLELossless
        dataset.add_new("PixelData", "OB", encapsulate([rle_frame(pixels)]))
        dataset["PixelData"].is_undefined_length = True
    else:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()
        kind = "OB" if pixels.itemsize == 1 else "OW"
        dataset.add_new("PixelData", kind, data + b"\0" * (len(data) % 2))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        dataset.save_as(partial, enforce_file_format=True)


def _dataset(pixels: NDArray, identity: Identity) -> Dataset:
    """Returns the DICOM dataset without pixels."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(
        entropy_srcs=[
            "keras_wa",
            identity.study,
            identity.series,
            str(identity.instance),
        ]
    )
    meta.ImplementationClassUID = _IMPLEMENTATION
    meta.ImplementationVersionName = "KERAS_WA_PHANTOM"
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.Modality = "MG"
    dataset.ConversionType = "WSD"
    if identity.description:
        dataset.SeriesDescription = identity.description
    for name in (
        "StudyDate",
        "StudyTime",
        "AccessionNumber",
        "ReferringPhysicianName",
        "PatientBirthDate",
        "PatientSex",
    ):
        setattr(dataset, name, "")
    dataset.Manufacturer = SAYS_PHANTOM
    dataset.InstitutionName = SAYS_PHANTOM
    dataset.ImageComments = SAYS_PHANTOM
    dataset.PatientName = identity.case
    dataset.PatientID = identity.case
    dataset.BodyPartExamined = "BREAST"
    dataset.StudyInstanceUID = identity.study
    dataset.SeriesInstanceUID = identity.series
    dataset.StudyID = "PHANTOM"
    dataset.SeriesNumber = 1
    dataset.InstanceNumber = identity.instance
    dataset.PatientOrientation = identity.view
    dataset.Laterality = identity.side[:1]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = 0
    dataset.add_new("SmallestImagePixelValue", "US", int(pixels.min()))
    dataset.add_new("LargestImagePixelValue", "US", int(pixels.max()))
    return dataset


def rle_frame(pixels: NDArray) -> bytes:
    """Encodes uint8 or uint16 with RLE Lossless (PS3.5, annex G).

    pydicom's and pylibjpeg's encoders are much slower.
    """
    depth = pixels.dtype.itemsize
    # One segment per byte of a pixel, the most significant first.
    segments = [
        _segment((pixels >> (8 * shift)).astype(np.uint8))
        for shift in reversed(range(depth))
    ]
    starts = 64 + np.cumsum([0] + [len(segment) for segment in segments[:-1]])
    offsets = [*starts.tolist(), *[0] * (15 - depth)]
    return struct.pack("<16I", depth, *offsets) + b"".join(segments)


def _segment(plane: NDArray[np.uint8]) -> bytes:
    """Encodes one byte plane with PackBits, row by row, padded to even length."""
    segment = bytes(imagecodecs.packbits_encode(plane, axis=-1))
    return segment + b"\0" * (len(segment) % 2)
