"""What a result takes over from the image that it is about."""

from __future__ import annotations

import copy
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

from pydicom import Dataset
from pydicom.uid import UID, generate_uid

from keras_wa.dicom_out.findings import Algorithm
from keras_wa.errors import UserError

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
    """Silences pydicom and highdicom, which warn of each odd value of a source.

    Such a value is taken over as it is: it is the source's own affair.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def check_source(source: Dataset) -> str:
    """Whether the source is one image that a result can refer to.

    Args:
        source: the image; its pixels are not needed.

    Returns:
        Its name, for messages.

    Raises:
        UserError: if it lacks an identifier or is no image of a single frame.
    """
    file = getattr(source, "filename", None)
    name = str(file) if isinstance(file, (str, os.PathLike)) else "source image"
    for field in _NEEDED:
        if not source.get(field):
            raise _unfit(name, field, "nothing", "an identifier to refer to")
    kind = UID(source.SOPClassUID).name
    if "Image Storage" not in kind:
        raise _unfit(name, "SOPClassUID", kind, "an image")
    rows, columns = source.get("Rows"), source.get("Columns")
    if not rows or not columns:
        found = f"{rows} by {columns}"
        raise _unfit(name, "Rows and Columns", found, "an image of at least 1 by 1")
    frames = source.get("NumberOfFrames")
    if int(frames or 1) != 1:
        raise _unfit(name, "NumberOfFrames", frames, "1")
    return name


def _unfit(name: str, field: str, found: object, expected: str) -> UserError:
    return UserError(f"{name}: {field}. Received: {found}; expected {expected}.")


def header(source: Dataset, algorithm: Algorithm, when: datetime) -> Dataset:
    """What every result has: patient, study, its own series, its maker, its time.

    Patient and study are taken over as they are, also where the standard would have
    them otherwise: an archive files by them. Text is decoded, so that it can be written
    in UTF-8 beside ours.

    Args:
        source: the image, which is left as it is.
        algorithm: what made the result.
        when: when; one with a time zone is converted to the source's, if that has one.

    Returns:
        A data set with new identifiers of series and instance.
    """
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    for field in _EMPTY_IF_UNKNOWN:
        setattr(dataset, field, "")
    for field in (*_EMPTY_IF_UNKNOWN, *_IF_THERE):
        if field in source:
            dataset.add(_decoded_copy(source, field))
    dataset.StudyInstanceUID = source.StudyInstanceUID
    dataset.SeriesInstanceUID = generate_uid(prefix=None)
    dataset.SOPInstanceUID = generate_uid(prefix=None)
    dataset.InstanceNumber = 1
    dataset.Manufacturer = algorithm.maker
    dataset.ManufacturerModelName = algorithm.name
    dataset.SoftwareVersions = algorithm.version
    # Not for care, as the standard says it (PS3.3 C.12.1).
    dataset.ContentQualification = "RESEARCH"
    when = _local(when, str(source.get("TimezoneOffsetFromUTC") or ""))
    day, time = when.strftime("%Y%m%d"), when.strftime("%H%M%S.%f")
    dataset.InstanceCreationDate = dataset.ContentDate = dataset.SeriesDate = day
    dataset.InstanceCreationTime = dataset.ContentTime = dataset.SeriesTime = time
    return dataset


def _decoded_copy(source: Dataset, field: str):
    # Access decodes an element; the items of a sequence are decoded one by one.
    element = copy.deepcopy(source[field])
    if element.VR == "SQ":
        for item in element.value:
            item.decode()
            item.pop("SpecificCharacterSet", None)
    return element


def _local(when: datetime, offset: str) -> datetime:
    found = re.fullmatch(r"([+-])(\d\d)(\d\d)", offset.strip())
    if when.tzinfo is None or not found:
        return when
    shift = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return when.astimezone(timezone(-shift if found[1] == "-" else shift))


def side(source: Dataset) -> str:
    """The breast: `L`, `R`, or `""` if the source says none of them."""
    for field in ("ImageLaterality", "Laterality"):
        stated = str(source.get(field) or "").strip().upper()
        if stated in ("L", "R"):
            return stated
    return ""
