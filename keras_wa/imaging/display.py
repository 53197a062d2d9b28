"""The way from stored values to grey levels, in the order that DICOM sets.

Modality LUT, then VOI LUT or window, then MONOCHROME1 inversion, then scaling by the
bits stored (DICOM PS3.3 C.11.1 and C.11.2, PS3.4 N.2). Each stored value takes this way
once, into a table; an image, or any part of one, is then looked up.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray

from keras_wa.imaging.scaling import scale_to_uint8


@dataclasses.dataclass(frozen=True)
class GreyTable:
    """Grey levels of all stored values that an image can have.

    Attributes:
        levels: uint8, one entry a stored value, the least first.
        least: the stored value of the first entry.
    """

    levels: NDArray[np.uint8]
    least: int

    def __call__(self, stored: NDArray) -> NDArray[np.uint8]:
        """Grey levels of stored values of any shape."""
        index = stored.astype(np.int32) - self.least if self.least else stored
        return np.take(self.levels, index, mode="clip")


def grey_table(dataset: pydicom.Dataset) -> GreyTable:
    """Computes the grey level of each stored value.

    Args:
        dataset: the attributes of an image of at most 16 bits stored.

    Returns:
        The table: dark to bright as the image is meant to be shown. Padding (PS3.3
        C.7.5.1.1.2) is 0, as dark as the air around the breast.

    Raises:
        ValueError: if an attribute has a value that makes no sense; the message names
            it.
    """
    bits = int(dataset.BitsStored)
    signed = int(dataset.get("PixelRepresentation") or 0) == 1
    least = -(2 ** (bits - 1)) if signed else 0
    stored = np.arange(least, least + 2**bits, dtype=np.int32)
    values, low, high = _modality(stored, dataset)
    values, low, high = _values_of_interest(values, low, high, dataset)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        values = high + low - values
    levels = scale_to_uint8(values, low, high)
    levels[_is_padding(stored, dataset)] = 0
    return GreyTable(levels, least)


def _modality(
    stored: NDArray, dataset: pydicom.Dataset
) -> tuple[NDArray, float, float]:
    """The modality stage, and the range of its output."""
    if dataset.get("ModalityLUTSequence"):
        return _look_up(stored, dataset.ModalityLUTSequence[0], "ModalityLUTSequence")
    slope, shift = (
        _number(dataset, name) for name in ("RescaleSlope", "RescaleIntercept")
    )
    if slope is None or shift is None:
        return stored, float(stored[0]), float(stored[-1])
    if slope == 0:
        raise ValueError("RescaleSlope (0028,1053) is 0")
    values = stored * slope + shift
    return values, float(values.min()), float(values.max())


def _values_of_interest(
    values: NDArray, low: float, high: float, dataset: pydicom.Dataset
) -> tuple[NDArray, float, float]:
    """The VOI stage: the first table, else the first window, else nothing."""
    if dataset.get("VOILUTSequence"):
        return _look_up(values, dataset.VOILUTSequence[0], "VOILUTSequence")
    center, width = (_number(dataset, name) for name in ("WindowCenter", "WindowWidth"))
    if center is None or width is None:
        return values, low, high
    function = str(dataset.get("VOILUTFunction") or "LINEAR").upper()
    return _window(values.astype(np.float64), center, width, function), 0.0, 1.0


def _window(
    values: NDArray[np.float64], center: float, width: float, function: str
) -> NDArray[np.float64]:
    """Applies a window (PS3.3 C.11.2.1.2, C.11.2.1.3); gives 0..1."""
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        raise ValueError(f"VOILUTFunction (0028,1056) is {function!r}")
    if width <= 0:
        raise ValueError(f"WindowWidth (0028,1051) is {width:g}")
    if function == "SIGMOID":
        # Far from the window the exponential would overflow; there it is 0 or 1.
        exponent = np.clip(-4 * (values - center) / width, -700, 700)
        return 1 / (1 + np.exp(exponent))
    if function == "LINEAR":
        # The standard counts the grey levels inside the window, both ends included.
        center, width = center - 0.5, width - 1
    if width <= 0:
        return (values > center).astype(np.float64)
    return np.clip((values - center) / width + 0.5, 0, 1)


def _look_up(
    values: NDArray, table: Any, name: str
) -> tuple[NDArray[np.float64], float, float]:
    """Applies a modality or VOI LUT item (PS3.3 C.11.1.1, C.11.2.1.1).

    pydicom's own `apply_voi` indexes with the dtype of the output, so that an 8-bit
    table with more than 256 entries wraps around.
    """
    entries, first, bits = (int(number) for number in table.LUTDescriptor)
    entries = entries or 2**16
    if not (entries > 0 and 8 <= bits <= 16):
        raise ValueError(f"{name} has {entries} entries of {bits} bits")
    raw = b"" if table.LUTData is None else table.LUTData
    if isinstance(raw, bytes):
        raw = np.frombuffer(raw, np.uint8 if len(raw) < 2 * entries else "<u2")
    outputs = np.atleast_1d(np.asarray(raw, np.float64))[:entries]
    if len(outputs) < entries:
        raise ValueError(f"{name} has {len(outputs)} of {entries} entries")
    index = np.clip(np.rint(values) - first, 0, entries - 1).astype(np.int64)
    return outputs[index], 0.0, 2.0**bits - 1


def _is_padding(stored: NDArray, dataset: pydicom.Dataset) -> NDArray[np.bool_]:
    """Which stored values mean that there is no image there."""
    one, other = (
        _number(dataset, name)
        for name in ("PixelPaddingValue", "PixelPaddingRangeLimit")
    )
    if one is None:
        return np.zeros(stored.shape, bool)
    low, high = sorted((one, one if other is None else other))
    return (stored >= low) & (stored <= high)


def _number(dataset: pydicom.Dataset, name: str) -> float | None:
    """The first value of an attribute, `None` where there is none."""
    value = dataset.get(name)
    if value is None or value == "":
        return None
    values = np.atleast_1d(np.asarray(value, np.float64))
    if values.size == 0:
        return None
    number = float(values.flat[0])
    if not np.isfinite(number):
        raise ValueError(f"{name} is {number}")
    return number
