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
from pydicom.multival import MultiValue
from pydicom.uid import ExplicitVRBigEndian

from keras_wa.imaging.scaling import scale_to_uint8

# Beyond it float64 no longer tells neighbouring stored values apart.
_LARGEST = 1e12


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
            it, what was received and what was expected.
    """
    bits = int(dataset.BitsStored)
    signed = int(dataset.get("PixelRepresentation") or 0) == 1
    least = -(2 ** (bits - 1)) if signed else 0
    stored = np.arange(least, least + 2**bits, dtype=np.int32)
    values, low, high = _modality(stored, dataset)
    if not high > low:
        raise ValueError(
            f"RescaleSlope (0028,1053). Received: {dataset.get('RescaleSlope')}; "
            "expected a number that tells grey levels apart."
        )
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
        return _look_up(stored, dataset, "ModalityLUTSequence")
    slope, shift = (
        _number(dataset, name) for name in ("RescaleSlope", "RescaleIntercept")
    )
    if slope is None:
        return stored, float(stored[0]), float(stored[-1])
    values = stored * slope + (shift or 0.0)
    return values, float(values.min()), float(values.max())


def _values_of_interest(
    values: NDArray, low: float, high: float, dataset: pydicom.Dataset
) -> tuple[NDArray, float, float]:
    """The VOI stage: the first table, else the first window, else nothing."""
    if dataset.get("VOILUTSequence"):
        return _look_up(values, dataset, "VOILUTSequence")
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
        raise ValueError(
            f"VOILUTFunction (0028,1056). Received: {function!r}; expected 'LINEAR', "
            "'LINEAR_EXACT' or 'SIGMOID'."
        )
    if width <= 0:
        raise ValueError(
            f"WindowWidth (0028,1051). Received: {width:g}; expected a number above 0."
        )
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
    values: NDArray, dataset: pydicom.Dataset, name: str
) -> tuple[NDArray[np.float64], float, float]:
    """Applies the first modality or VOI LUT (PS3.3 C.11.1.1, C.11.2.1.1).

    pydicom's own `apply_voi` indexes with the dtype of the output, so that an 8-bit
    table with more than 256 entries wraps around.
    """
    table = dataset[name].value[0]
    descriptor: Any = table.get("LUTDescriptor")
    if descriptor is None or len(descriptor) != 3:
        raise ValueError(f"{name}. Received: no LUTDescriptor; expected three numbers.")
    # Whether these are signed is ambiguous in the standard; two of them never are.
    entries, bits = (int(descriptor[place]) & 0xFFFF for place in (0, 2))
    entries = entries or 2**16
    first = _as_stored(float(descriptor[1]), values, 2**16)
    outputs = _entries(table.get("LUTData"), entries, dataset)
    if not 8 <= bits <= 16 or len(outputs) < entries:
        raise ValueError(
            f"{name}. Received: {len(outputs)} entries of {bits} bits; expected "
            f"{entries} of 8 to 16."
        )
    index = np.clip(np.rint(values) - first, 0, entries - 1).astype(np.int64)
    return outputs[index], 0.0, 2.0**bits - 1


def _entries(raw: Any, entries: int, dataset: pydicom.Dataset) -> NDArray[np.float64]:
    """The outputs of a table, from bytes or numbers."""
    if isinstance(raw, bytes):
        syntax = dataset.file_meta.TransferSyntaxUID
        word = ">u2" if syntax == ExplicitVRBigEndian else "<u2"
        raw = np.frombuffer(raw, np.uint8 if len(raw) < 2 * entries else word)
    outputs = np.asarray([] if raw is None else raw, np.float64)
    return np.atleast_1d(outputs)[:entries]


def _as_stored(number: float, values: NDArray, span: int) -> float:
    """A number that may have been written unsigned though the pixels are signed."""
    if number > values.max() and values.min() < 0:
        return number - span
    return number


def _is_padding(stored: NDArray, dataset: pydicom.Dataset) -> NDArray[np.bool_]:
    """Which stored values mean that there is no image there."""
    one, other = (
        _number(dataset, name)
        for name in ("PixelPaddingValue", "PixelPaddingRangeLimit")
    )
    if one is None:
        return np.zeros(stored.shape, bool)
    span = 2 ** int(dataset.BitsAllocated)
    ends = (one, one if other is None else other)
    low, high = sorted(_as_stored(end, stored, span) for end in ends)
    return (stored >= low) & (stored <= high)


def _number(dataset: pydicom.Dataset, name: str) -> float | None:
    """The first value of an attribute, `None` where there is none."""
    value = dataset.get(name)
    if value is None or value == "" or value == []:
        return None
    first = value[0] if isinstance(value, MultiValue) and value else value
    try:
        number = float(first)
    except (TypeError, ValueError):
        number = float("nan")
    if not abs(number) < _LARGEST:
        raise ValueError(
            f"{name}. Received: {first!r}; expected a number of a size that grey "
            "levels can have."
        )
    return number
