"""DICOM mammograms: what is accepted, and how it is decoded."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.encaps import get_frame
from pydicom.errors import InvalidDicomError
from pydicom.pixels import get_decoder
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForProcessing,
    RLELossless,
)

from keras_wa.errors import UserError
from keras_wa.imaging.deflated import refuse_bomb
from keras_wa.imaging.display import GreyTable, grey_table
from keras_wa.imaging.frames import DECODERS, decode_frame
from keras_wa.imaging.image import GreyImage

LARGEST = 2**27
"""The greatest number of pixels that is decoded; mammograms have up to some 40
million."""

# A run of RLE says in two bytes what 128 bytes are (PS3.5, G.3).
_RLE_GAIN = 64

_REST = 2**24

# What is wrong with a file is told by a UserError; pydicom would repeat it on stderr.
warnings.filterwarnings("ignore", category=UserWarning, module="pydicom")


def decode_dicom(
    data: bytes, name: str, for_processing: bool = False, most_pixels: int = LARGEST
) -> GreyImage:
    """Decodes a DICOM file with one grey frame.

    Args:
        data: the bytes of the file.
        name: the file, for messages.
        for_processing: accept an image meant for processing, not for presentation.
        most_pixels: an image that announces more is refused before it is decoded.

    Returns:
        The image, without a digest; its `grey` is dark to bright as the image is meant
        to be shown.

    Raises:
        UserError: if the file is no DICOM file or a damaged one, is of another modality
            than MG (a file that states none is taken), has no pixels, several frames,
            colour or more than `most_pixels`, is meant for processing, or is
            compressed in a way that no decoder here reads.
    """
    # Twice what pixels of 16 bits take, and room for what else a file holds.
    refuse_bomb(data, name, 4 * most_pixels + _REST)
    try:
        dataset = pydicom.dcmread(io.BytesIO(data))
    except InvalidDicomError as error:
        raise UserError(
            f"{name}: not a DICOM file. Received: no 'DICM' at byte 128; expected a "
            "DICOM file with its preamble."
        ) from error
    except Exception as error:
        # On a damaged file pydicom raises whatever the damage leads to.
        raise UserError(_damaged(name, error)) from error
    try:
        _check_kind(dataset, name, for_processing)
        _check_size(dataset, name, most_pixels)
        to_grey = _grey_table(dataset, name)
        pixels = _decode(dataset, name)
        description = str(dataset.get("SeriesDescription") or "")
        spacing, origin = _spacing(dataset)
        return GreyImage(pixels, to_grey, spacing, origin, description=description)
    except UserError:
        raise
    except Exception as error:
        # pydicom parses an element when it is first used: as above.
        raise UserError(_damaged(name, error)) from error


def _grey_table(dataset: pydicom.Dataset, name: str) -> GreyTable:
    try:
        return grey_table(dataset)
    except ValueError as error:
        raise UserError(f"{name}: {' '.join(str(error).split())}") from error


def _damaged(name: str, error: Exception) -> str:
    detail = " ".join(str(error).split()) or type(error).__name__
    return (
        f"{name}: the DICOM file is damaged or truncated ({detail[:200]}). Expected: a "
        "whole file. Copy the file again."
    )


def _unfit(name: str, field: str, found: object, expected: str) -> UserError:
    return UserError(f"{name}: {field}. Received: {found}; expected {expected}")


def _check_kind(dataset: pydicom.Dataset, name: str, for_processing: bool) -> None:
    """Whether the file is a single grey mammogram for somebody to look at."""
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if not syntax:
        raise _unfit(
            name,
            "TransferSyntaxUID (0002,0010)",
            "nothing",
            "how the pixels are encoded. The file is damaged: copy it again.",
        )
    modality = dataset.get("Modality")
    if modality and modality != "MG":
        raise _unfit(
            name,
            "Modality (0008,0060)",
            repr(modality),
            "'MG' (mammography). Leave this file out, or convert it to PNG if it is a "
            "mammogram.",
        )
    intent = str(dataset.get("PresentationIntentType") or "").upper()
    raw = dataset.get("SOPClassUID") == DigitalMammographyXRayImageStorageForProcessing
    if (raw or intent == "FOR PROCESSING") and not for_processing:
        raise _unfit(
            name,
            "PresentationIntentType (0008,0068)",
            "'FOR PROCESSING', the detector's raw signal",
            "'FOR PRESENTATION'. Use the processed image, or --for-processing.",
        )
    if "PixelData" not in dataset:
        raise _unfit(
            name,
            "PixelData (7FE0,0010)",
            "nothing",
            "an image. The file is truncated or holds no image: copy it again or "
            "leave it out.",
        )
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames != 1:
        raise _unfit(
            name,
            "NumberOfFrames (0028,0008)",
            frames,
            "1. Several frames are slices or views, of which none is the mammogram: "
            "save the frame of interest as a file of its own.",
        )
    photometric = dataset.get("PhotometricInterpretation")
    samples = int(dataset.get("SamplesPerPixel") or 1)
    if photometric not in ("MONOCHROME1", "MONOCHROME2") or samples != 1:
        raise _unfit(
            name,
            "PhotometricInterpretation (0028,0004)",
            f"{photometric!r} with {samples} samples a pixel",
            "'MONOCHROME1' or 'MONOCHROME2' with 1.",
        )


def _check_size(dataset: pydicom.Dataset, name: str, most_pixels: int) -> None:
    """Whether the announced size is one that can be, before memory is taken for it."""
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    if not (rows > 0 and columns > 0 and rows * columns <= most_pixels):
        raise _unfit(
            name,
            "Rows (0028,0010) and Columns (0028,0011)",
            f"{rows} by {columns}",
            f"at least 1 by 1 and at most {most_pixels} pixels. The file is damaged: "
            "copy it again.",
        )
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    high = int(dataset.get("HighBit", stored - 1))
    if allocated not in (8, 16) or not 0 < stored <= allocated or high != stored - 1:
        raise _unfit(
            name,
            "BitsAllocated (0028,0100), BitsStored (0028,0101) and HighBit (0028,0102)",
            f"{allocated}, {stored} and {high}",
            "8 or 16 allocated, as many stored at most, from bit 0 on.",
        )
    size = rows * columns * allocated // 8
    found = len(dataset.PixelData)
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated:
        wrong = syntax == RLELossless and found * _RLE_GAIN < size
    else:
        # Some writers pad the data; a whole row too much is another image.
        wrong = not size <= found < size + max(columns * allocated // 8, 2)
    if wrong:
        raise _unfit(
            name,
            "PixelData (7FE0,0010)",
            f"{found} bytes",
            f"{size} for {rows} rows by {columns} columns of {allocated} bits. The "
            "file is damaged or truncated: copy it again.",
        )


def _decode(dataset: pydicom.Dataset, name: str) -> NDArray:
    """Stored values, (H, W), of an integer dtype."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        size = dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8
        if len(dataset.PixelData) > size + 1:
            dataset.PixelData = dataset.PixelData[:size]
        # The array may lie in the file's bytes, unless unused bits are to be cleared.
        view = dataset.BitsStored == dataset.BitsAllocated
        return get_decoder(syntax).as_array(dataset, raw=True, view_only=view)[0]
    if syntax != RLELossless and syntax not in DECODERS:
        raise _unfit(
            name,
            "TransferSyntaxUID (0002,0010)",
            syntax.name,
            "uncompressed pixels, RLE, JPEG, JPEG-LS or JPEG 2000. Save the file "
            "uncompressed.",
        )
    shape = int(dataset.Rows), int(dataset.Columns)
    bits = int(dataset.BitsAllocated), int(dataset.BitsStored)
    try:
        frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
        pixels, precision = decode_frame(frame, syntax, shape, bits[0])
    except Exception as error:
        detail = " ".join(str(error).split())
        raise UserError(
            f"{name}: PixelData (7FE0,0010). Received: {syntax.name} that could not be "
            f"decoded: {detail[:200]}; expected a whole image. Copy the file again."
        ) from error
    signed = bool(dataset.get("PixelRepresentation"))
    return _stored_values(pixels, precision or bits[1], signed)


def _stored_values(pixels: NDArray, bits: int, signed: bool) -> NDArray:
    """The lowest bits of unsigned pixels, as the numbers that they mean."""
    spare = pixels.dtype.itemsize * 8 - bits
    kind = f"i{pixels.dtype.itemsize}" if signed else pixels.dtype
    if spare > 0:
        # Shifted up and down again, the bits above are gone and the sign is extended.
        return (pixels << spare).view(kind) >> spare
    return pixels.view(kind)


def _spacing(dataset: pydicom.Dataset) -> tuple[tuple[float, float] | None, str]:
    """Distance between rows and between columns in the breast, mm, and its origin.

    PixelSpacing, else that of a scanned film, else ImagerPixelSpacing, which is
    measured at the detector, divided by the magnification (PS3.3 C.8.11.4).
    """
    magnification = 1.0
    for field in ("PixelSpacing", "NominalScannedPixelSpacing", "ImagerPixelSpacing"):
        value = dataset.get(field)
        if value is None or len(value) != 2:
            continue
        if field == "ImagerPixelSpacing":
            stated = dataset.get("EstimatedRadiographicMagnificationFactor")
            magnification = float(stated) if stated else 1.0
        row, column = (float(number) / magnification for number in value)
        if 0 < row < np.inf and 0 < column < np.inf:
            return (row, column), field
    return None, ""
