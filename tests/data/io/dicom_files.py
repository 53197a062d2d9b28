"""Writes small, real DICOM files for the tests."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
)
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from keras_wa.data.io.dicom import decode_dicom
from keras_wa.data.io.image import GreyImage


@contextmanager
def no_warnings() -> Iterator[None]:
    """Silences pydicom, which warns of each odd value that is set."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def row(*values: int, dtype: Any = np.uint16) -> np.ndarray:
    """An image of one row of pixels."""
    return np.array([values], dtype)


def dicom_dataset(
    pixels: np.ndarray, bits: int | None = None, **fields: Any
) -> Dataset:
    """A mammogram with these stored values; `fields` are set last, `None` deletes."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.Modality = "MG"
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.BitsAllocated = pixels.dtype.itemsize * 8
    dataset.BitsStored = bits or dataset.BitsAllocated
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    data = pixels.tobytes()
    dataset.add_new("PixelData", "OW", data + b"\0" * (len(data) % 2))
    for name, value in fields.items():
        if value is None:
            del dataset[name]
        else:
            setattr(dataset, name, value)
    return dataset


def look_up_table(
    first: int, bits: int, outputs: list[int], signed: bool = False
) -> Any:
    """An item of a modality or VOI LUT sequence."""
    item = Dataset()
    entries = len(outputs) % 2**16
    item.add_new("LUTDescriptor", "SS" if signed else "US", [entries, first, bits])
    item.add_new("LUTData", "OW", np.array(outputs, "<u2").tobytes())
    return item


def bytes_with(dataset: Dataset, **elements: tuple[str, bytes]) -> bytes:
    """The file of a dataset with elements that pydicom would not write.

    Args:
        dataset: what else is in it.
        elements: by keyword any value representation of two letters, and any bytes.
    """
    places = {keyword: 0x00091000 + n for n, keyword in enumerate(elements)}
    for keyword, place in places.items():
        value = elements[keyword][1]
        dataset.pop(keyword, None)
        # Under a private tag, which pydicom writes as it is.
        dataset.add_new(place, "OB", value + b" " * (len(value) % 2))
    data = dicom_bytes(dataset)
    for keyword, (vr, value) in elements.items():
        size = len(value) + len(value) % 2
        old = _start(places[keyword], "OB", size)
        assert data.count(old) == 1
        data = data.replace(old, _start(Tag(keyword), vr, size))
    return data


def _start(tag: int, vr: str, size: int) -> bytes:
    length = struct.pack("<2xI" if vr in EXPLICIT_VR_LENGTH_32 else "<H", size)
    return struct.pack("<HH", *divmod(tag, 2**16)) + vr.encode() + length


def write_dicom(path: Path, pixels: np.ndarray, **fields: Any) -> Path:
    """Writes `dicom_dataset(pixels, **fields)` to a file."""
    dicom_dataset(pixels, **fields).save_as(path, enforce_file_format=True)
    return path


def dicom_bytes(dataset: Dataset) -> bytes:
    """The file that the dataset makes."""
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def opened(dataset: Dataset, **elements: tuple[str, bytes]) -> GreyImage:
    """The image in the file of `bytes_with`."""
    return decode_dicom(bytes_with(dataset, **elements), "x.dcm")


def decode(dataset: Dataset) -> np.ndarray:
    """Grey levels of the file that the dataset makes."""
    return opened(dataset).grey()
