"""DICOM mammograms to 8-bit grey, in the order that the standard sets.

Modality LUT, then VOI LUT or window, then MONOCHROME1 inversion, then scaling by the
bits stored (DICOM PS3.3 C.11.1 and C.11.2, PS3.4 N.2).
"""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.errors import InvalidDicomError

from keras_wa.errors import UserError
from keras_wa.imaging.image import GreyImage
from keras_wa.imaging.scaling import scale_to_uint8


def decode_dicom(data: bytes, name: str, for_processing: bool = False) -> GreyImage:
    """Decodes a DICOM file with one grey frame.

    Args:
        data: the bytes of the file.
        name: the file, for messages.
        for_processing: accept an image meant for processing, not for presentation.

    Returns:
        The image, without a digest; its `grey` is dark to bright as the image is meant
        to be shown.

    Raises:
        UserError: if the file is no DICOM file or a damaged one, is of another modality
            than MG (a file that states none is taken), has no pixels, several frames or
            colour, or is compressed in a way that needs a plugin that is not installed.
    """
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
        _check(dataset, name)
        pixels = _decode_pixels(dataset, name)
        to_grey = functools.partial(_to_grey, dataset)
        to_grey(pixels[:1, :1])  # So that a bad attribute shows here.
        description = str(dataset.get("SeriesDescription") or "")
    except UserError:
        raise
    except Exception as error:
        # pydicom parses an element when it is first used: as above.
        raise UserError(_damaged(name, error)) from error
    return GreyImage(pixels, to_grey, _spacing(dataset), description)


def _to_grey(dataset: pydicom.Dataset, pixels: NDArray) -> NDArray[np.uint8]:
    """Stored values of any part of the image to grey levels."""
    values, low, high = _to_display_range(pixels, dataset)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        values = high + low - values
    return scale_to_uint8(values, low, high)


def _spacing(dataset: pydicom.Dataset) -> tuple[float, float] | None:
    """Distance between rows and between columns, mm."""
    for field in ("PixelSpacing", "ImagerPixelSpacing"):
        value = dataset.get(field)
        if value is not None and len(value) == 2 and min(map(float, value)) > 0:
            return float(value[0]), float(value[1])
    return None


def _damaged(name: str, error: Exception) -> str:
    detail = " ".join(str(error).split()) or type(error).__name__
    return (
        f"{name}: the DICOM file is damaged or truncated ({detail}). Expected: a whole "
        "file. Copy the file again."
    )


def _check(dataset: pydicom.Dataset, name: str) -> None:
    modality = dataset.get("Modality")
    if modality and modality != "MG":
        raise UserError(
            f"{name}: Modality (0008,0060). Received: {modality!r}; expected 'MG' "
            "(mammography). Leave this file out, or convert it to PNG if it is a "
            "mammogram."
        )
    if "PixelData" not in dataset:
        raise UserError(
            f"{name}: PixelData (7FE0,0010). Received: nothing; expected an image. The "
            "file is truncated or holds no image: copy it again or leave it out."
        )
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames != 1:
        raise UserError(
            f"{name}: NumberOfFrames (0028,0008). Received: {frames}; expected 1. Save "
            "the frame of interest as a file of its own."
        )
    photometric = dataset.get("PhotometricInterpretation")
    if photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise UserError(
            f"{name}: PhotometricInterpretation (0028,0004). Received: "
            f"{photometric!r}; expected 'MONOCHROME1' or 'MONOCHROME2'."
        )


def _decode_pixels(dataset: pydicom.Dataset, name: str) -> NDArray:
    """Stored values, (H, W), of an integer dtype."""
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        return dataset.pixel_array
    except Exception as error:
        if not syntax.is_compressed:
            raise
        detail = " ".join(str(error).split())
        raise UserError(
            f"{name}: TransferSyntaxUID (0002,0010). Received: {syntax.name}, which "
            f"could not be decoded ({detail}); expected uncompressed pixels or a "
            "compression that an installed plugin reads: pip install "
            "'pylibjpeg[all]', or copy the file again if it is damaged."
        ) from error


def _to_display_range(
    pixels: NDArray, dataset: pydicom.Dataset
) -> tuple[NDArray, float, float]:
    """Applies the modality and VOI stages; also returns the range of their output."""
    bits = int(dataset.BitsStored)
    signed = int(dataset.get("PixelRepresentation", 0)) == 1
    low, high = (
        (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1)
        if signed
        else (
            0.0,
            2.0**bits - 1,
        )
    )
    values: NDArray = pixels
    if dataset.get("ModalityLUTSequence"):
        values, low, high = _look_up(values, dataset.ModalityLUTSequence[0])
    elif "RescaleSlope" in dataset and "RescaleIntercept" in dataset:
        slope, shift = float(dataset.RescaleSlope), float(dataset.RescaleIntercept)
        values = values * slope + shift
        # A negative slope turns the range round: its ends stay the least and greatest.
        low, high = sorted((low * slope + shift, high * slope + shift))
    if dataset.get("VOILUTSequence"):
        return _look_up(values, dataset.VOILUTSequence[0])
    if dataset.get("WindowCenter") is not None and dataset.get("WindowWidth"):
        return _window(values, dataset), 0.0, 1.0
    return values, low, high


def _window(values: NDArray, dataset: pydicom.Dataset) -> NDArray[np.float64]:
    """Applies the file's first window (PS3.3 C.11.2.1.2, C.11.2.1.3); gives 0..1."""
    center, width = (
        float(np.atleast_1d(dataset[field].value)[0])
        for field in ("WindowCenter", "WindowWidth")
    )
    function = str(dataset.get("VOILUTFunction") or "LINEAR").upper()
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID") or width <= 0:
        raise ValueError(f"VOI LUT function {function}, window width {width:g}")
    values = values.astype(np.float64)
    if function == "SIGMOID":
        return 1 / (1 + np.exp(-4 * (values - center) / width))
    if function == "LINEAR":
        # The standard counts the grey levels inside the window, both ends included.
        center, width = center - 0.5, width - 1
    if width <= 0:
        return (values > center).astype(np.float64)
    return np.clip((values - center) / width + 0.5, 0, 1)


def _look_up(values: NDArray, table: Any) -> tuple[NDArray, float, float]:
    """Applies a modality or VOI LUT item (PS3.3 C.11.1.1, C.11.2.1.1).

    pydicom's own `apply_voi` indexes with the dtype of the output, so that an 8-bit
    table with more than 256 entries wraps around.
    """
    entries, first, bits = (int(number) for number in table.LUTDescriptor)
    entries = entries or 2**16
    raw = table.LUTData
    if isinstance(raw, bytes):
        raw = np.frombuffer(raw, np.uint8 if len(raw) < 2 * entries else "<u2")
    outputs = np.asarray(raw)[:entries]
    index = np.clip(np.rint(values).astype(np.int64) - first, 0, outputs.size - 1)
    return outputs[index].astype(np.float64), 0.0, 2.0**bits - 1
