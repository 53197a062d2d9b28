"""Writes a result to a file, never over its source image."""

from __future__ import annotations

from pathlib import Path

import pydicom
from pydicom import Dataset

from keras_wa.errors import UserError
from keras_wa.files import replacing
from keras_wa.inference.dicom_out.source import no_warnings


@no_warnings()
def write_dicom(dataset: Dataset, path: Path) -> None:
    """Writes a result atomically, in place of an older one, never over its image."""
    if _identifier(path) in _referred_to(dataset):
        raise UserError(
            f"{path}: the image that the result is about. Received: its path to "
            "write to; expected another one. The image is left as it is."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            dataset.save_as(partial, enforce_file_format=True)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror or error}). Expected: a "
            "folder with room that may be written to."
        ) from error


def _identifier(path: Path) -> str | None:
    """Returns the SOPInstanceUID of a DICOM file, if it is one."""
    try:
        found = pydicom.dcmread(path, specific_tags=["SOPInstanceUID"])
        return str(found.get("SOPInstanceUID"))
    except Exception:
        # Not a file, not DICOM, or damaged.
        return None


def _referred_to(dataset: Dataset) -> set[str]:
    return {
        str(element.value)
        for element in dataset.iterall()
        if element.keyword == "ReferencedSOPInstanceUID"
    }
