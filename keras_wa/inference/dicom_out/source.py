"""Attributes of a result from its source image."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

from pydicom import Dataset
from pydicom.uid import UID, generate_uid

from keras_wa.data.io.header import DicomHeader, HeaderError
from keras_wa.errors import UserError
from keras_wa.inference.dicom_out.copying import take_over
from keras_wa.inference.dicom_out.model_result import Algorithm

_NEEDED = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")

# Type 2 of the modules Patient and General Study (PS3.3 C.7.1.1, C.7.2.1): they have to
# be there, empty if unknown.
_EMPTY_IF_UNKNOWN = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
)
_IF_THERE = (
    "IssuerOfPatientID",
    "PatientBirthTime",
    "OtherPatientNames",
    "EthnicGroup",
    "PatientComments",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "StudyDescription",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "TimezoneOffsetFromUTC",
)


@contextmanager
def no_warnings() -> Iterator[None]:
    """Silences pydicom and highdicom, which warn of invalid values of a source.

    Such values are copied unchanged.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def check_source(source: Dataset) -> str:
    """Checks that a result can refer to the source, one image; returns its name."""
    file = getattr(source, "filename", None)
    name = str(file) if isinstance(file, (str, os.PathLike)) else "source image"
    for field in _NEEDED:
        if not source.get(field):
            raise _unfit(name, field, "nothing", "an identifier to refer to")
    kind = UID(source.SOPClassUID).name
    if "Image Storage" not in kind:
        raise _unfit(name, "SOPClassUID", kind, "an image")
    try:
        rows, columns = size_of(source)
        frames = DicomHeader(source).needed("NumberOfFrames", 1)
    except HeaderError as error:
        raise UserError(f"{name}: {error}") from error
    if not rows or not columns:
        found = f"{rows} by {columns}"
        raise _unfit(name, "Rows and Columns", found, "an image of at least 1 by 1")
    if frames != 1:
        raise _unfit(name, "NumberOfFrames", frames, "1")
    return name


def size_of(source: Dataset) -> tuple[int, int]:
    """Returns rows and columns of an image."""
    header = DicomHeader(source)
    return header.needed("Rows"), header.needed("Columns")


def _unfit(name: str, field: str, found: object, expected: str) -> UserError:
    return UserError(f"{name}: {field}. Received: {found}; expected {expected}.")


def header(source: Dataset, algorithm: Algorithm, when: datetime) -> Dataset:
    """Creates the header of a result: patient, study, new series, maker and time.

    Patient and study are copied unchanged, even if invalid, since archives file by
    them. Texts are converted to UTF-8; unreadable ones are left out (`not_taken_over`).
    A time with a zone is converted to the source's zone, if any.
    """
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    for field in _EMPTY_IF_UNKNOWN:
        setattr(dataset, field, "")
    take_over(dataset, source, (*_EMPTY_IF_UNKNOWN, *_IF_THERE))
    dataset.StudyInstanceUID = source.StudyInstanceUID
    dataset.SeriesInstanceUID = generate_uid(prefix=None)
    dataset.SOPInstanceUID = generate_uid(prefix=None)
    dataset.InstanceNumber = 1
    dataset.Manufacturer = algorithm.maker
    dataset.ManufacturerModelName = algorithm.name
    dataset.SoftwareVersions = algorithm.version
    # Not for clinical use, in the terms of the standard (PS3.3 C.12.1).
    dataset.ContentQualification = "RESEARCH"
    when = _local(when, DicomHeader(source).text("TimezoneOffsetFromUTC"))
    day, time = when.strftime("%Y%m%d"), when.strftime("%H%M%S.%f")
    dataset.InstanceCreationDate = dataset.ContentDate = dataset.SeriesDate = day
    dataset.InstanceCreationTime = dataset.ContentTime = dataset.SeriesTime = time
    return dataset


@no_warnings()
def not_taken_over(source: Dataset) -> list[str]:
    """Returns a sentence for each element that `header` leaves out."""
    return take_over(Dataset(), source, (*_EMPTY_IF_UNKNOWN, *_IF_THERE))


def _local(when: datetime, offset: str) -> datetime:
    found = re.fullmatch(r"([+-])(\d\d)(\d\d)", offset.strip())
    if when.tzinfo is None or not found:
        return when
    shift = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return when.astimezone(timezone(-shift if found[1] == "-" else shift))


def side(source: Dataset) -> str:
    """Returns the breast: `L`, `R`, or `""` if unknown."""
    for field in ("ImageLaterality", "Laterality"):
        stated = DicomHeader(source).text(field).upper()
        if stated in ("L", "R"):
            return stated
    return ""
