"""Converts stored values to grey levels, in the order of DICOM.

Modality LUT, then VOI LUT or window, then MONOCHROME1 inversion, then scaling by the
bits stored (DICOM PS3.3 C.11.1 and C.11.2, PS3.4 N.2). This is computed once for each
possible stored value, as a look-up table for images.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from keras_wa.data.io.header import DicomHeader, named
from keras_wa.data.io.layout import PixelLayout
from keras_wa.data.io.scaling import scale_to_uint8

_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")

# A mammogram's slope is 1 and its intercept 0 (PS3.3 C.8.11.3).
_UNSCALED = "The stored values were used without slope and intercept."
# A table whose output fills less of its range gives a picture that is too dark or of
# too low contrast.
_FILLED = 0.5
_UNWINDOWED = "The grey levels were computed without it, so the contrast differs."


@dataclasses.dataclass(frozen=True)
class GreyTable:
    """Grey levels, uint8, of all possible stored values from `least` on."""

    levels: NDArray[np.uint8]
    least: int

    def __call__(self, stored: NDArray) -> NDArray[np.uint8]:
        """Returns grey levels of stored values of any shape."""
        index = stored.astype(np.int32) - self.least if self.least else stored
        return np.take(self.levels, index, mode="clip")


@dataclasses.dataclass(frozen=True)
class _Stage:
    """Output for all stored values, its possible range, and its look-up table."""

    values: NDArray
    low: float
    high: float
    table: str = ""


def grey_table(
    frame: DicomHeader, layout: PixelLayout, inverted: bool = False
) -> GreyTable:
    """Computes the grey level of each stored value, dark to bright as displayed.

    Padding (PS3.3 C.7.5.1.1.2) is 0, like air. The header of the frame gets notes on
    invalid attributes, which are ignored. `inverted` is MONOCHROME1.
    """
    stored = np.arange(layout.least, layout.least + 2**layout.stored, dtype=np.int32)
    stage = _modality(_Stage(stored, float(stored[0]), float(stored[-1])), frame)
    stage = _values_of_interest(stage, frame)
    if stage.table:
        _note_unfilled(stage.values, stage.high, frame, stage.table)
    values = stage.high + stage.low - stage.values if inverted else stage.values
    levels = scale_to_uint8(values, stage.low, stage.high)
    levels[_is_padding(stored, frame, layout)] = 0
    return GreyTable(levels, layout.least)


def _modality(stage: _Stage, frame: DicomHeader) -> _Stage:
    """Applies the modality stage: a table, else slope and intercept, else nothing."""
    source = frame.nearest("ModalityLUTSequence", "RescaleSlope", "RescaleIntercept")
    found = _look_up(stage.values, source, "ModalityLUTSequence")
    if found is not None:
        return _Stage(found[0], 0.0, found[1], "ModalityLUTSequence")
    slope = source.number("RescaleSlope", _UNSCALED)
    shift = source.number("RescaleIntercept", _UNSCALED)
    if slope is None:
        if shift:
            source.leave_out("RescaleIntercept", "a RescaleSlope beside it", _UNSCALED)
        return stage
    if shift is None:
        if source.states("RescaleIntercept"):
            return stage
        shift = 0.0
    values = stage.values * slope + shift
    low, high = float(values.min()), float(values.max())
    if not high > low:
        source.leave_out(
            "RescaleSlope", "a number that separates grey levels", _UNSCALED
        )
        return stage
    return _Stage(values, low, high)


def _values_of_interest(stage: _Stage, frame: DicomHeader) -> _Stage:
    """Applies the VOI stage: the first table, else the first window, else nothing."""
    source = frame.nearest("VOILUTSequence", "WindowCenter", "WindowWidth")
    found = _look_up(stage.values, source, "VOILUTSequence")
    if found is not None:
        return _Stage(found[0], 0.0, found[1], "VOILUTSequence")
    window = source.window(_UNWINDOWED)
    if window is None:
        return stage
    center, width = window
    if width <= 0:
        source.leave_out("WindowWidth", "a number above 0", _UNWINDOWED)
        return stage
    function = source.text("VOILUTFunction").upper() or "LINEAR"
    if function not in _FUNCTIONS:
        expected = "'LINEAR', 'LINEAR_EXACT' or 'SIGMOID'"
        source.leave_out("VOILUTFunction", expected, "The window was taken as LINEAR.")
        function = "LINEAR"
    values = _window(stage.values.astype(np.float64), center, width, function)
    return _Stage(values, 0.0, 1.0)


def _look_up(
    values: NDArray, source: DicomHeader, name: str
) -> tuple[NDArray[np.float64], float] | None:
    """Applies the first table of a sequence.

    pydicom's `apply_voi` indexes with the dtype of the output, so that an 8-bit table
    with more than 256 entries wraps around.

    Returns:
        The output for each value and its largest possible value (the smallest is 0);
        None if there is no table, or it is invalid, which is noted.
    """
    tables = source.items(name)
    if not tables:
        return None
    descriptor = tables[0].numbers("LUTDescriptor", 3)
    if descriptor is None:
        source.leave_out(name, "three numbers", _UNWINDOWED, "no LUTDescriptor")
        return None
    # The standard is ambiguous about the sign of these; two are never signed.
    entries, first, bits = (int(number) & 0xFFFF for number in descriptor)
    entries = entries or 2**16
    # If it is above all values and its sign bit is set, it is a negative number.
    if first >= 2**15 and first > values.max():
        first -= 2**16
    outputs = _entries(tables[0], entries)
    if not 8 <= bits <= 16 or len(outputs) < entries:
        found = f"{len(outputs)} entries of {bits} bits"
        source.leave_out(name, f"{entries} of 8 to 16", _UNWINDOWED, found)
        return None
    index = np.clip(np.rint(values) - first, 0, entries - 1).astype(np.int64)
    return outputs[index].astype(np.float64), 2.0**bits - 1


def _entries(table: DicomHeader, entries: int) -> NDArray[np.integer]:
    """Returns the outputs of a table, unsigned in any value representation."""
    bits = 16 if len(table.data("LUTData")) >= 2 * entries else 8
    return table.packed("LUTData", bits)[:entries]


def _note_unfilled(
    outputs: NDArray, greatest: float, header: DicomHeader, name: str
) -> None:
    """Notes a table whose output for all stored values does not fit its bits."""
    low, high = float(outputs.min()), float(outputs.max())
    filled = (high - low) / greatest
    if high <= greatest and filled >= _FILLED:
        return
    header.notes.append(
        f"{named(name)} applied as it is: its output is {low:.0f} to {high:.0f}; its "
        f"LUTDescriptor states 0 to {greatest:.0f}, so the picture is "
        f"{'cut off' if high > greatest else 'of low contrast'}."
    )


def _window(
    values: NDArray[np.float64], center: float, width: float, function: str
) -> NDArray[np.float64]:
    """Applies a window (PS3.3 C.11.2.1.2, C.11.2.1.3); returns 0..1."""
    if function == "SIGMOID":
        # Far from the window the exponential would overflow; the result is 0 or 1.
        exponent = np.clip(-4 * (values - center) / width, -700, 700)
        return 1 / (1 + np.exp(exponent))
    if function == "LINEAR":
        # In the standard the width counts grey levels, both ends included.
        center, width = center - 0.5, width - 1
    if width <= 0:
        return (values > center).astype(np.float64)
    return np.clip((values - center) / width + 0.5, 0, 1)


def _as_stored(number: float, values: NDArray, allocated: int) -> float:
    """Returns a number that may be written unsigned although the pixels are signed."""
    if number > values.max() and values.min() < 0:
        # A word of 16 bits, also for 8-bit pixels.
        return number - (2**allocated if number < 2**allocated else 2**16)
    return number


def _is_padding(
    stored: NDArray, frame: DicomHeader, layout: PixelLayout
) -> NDArray[np.bool_]:
    """Returns which stored values are padding."""
    effect = "The padding was not made black."
    one = frame.number("PixelPaddingValue", effect)
    other = frame.number("PixelPaddingRangeLimit", effect)
    if one is None:
        return np.zeros(stored.shape, bool)
    ends = (one, one if other is None else other)
    low, high = sorted(_as_stored(end, stored, layout.allocated) for end in ends)
    return (stored >= low) & (stored <= high)
