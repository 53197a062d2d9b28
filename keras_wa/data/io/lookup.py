"""The look-up tables of the modality and VOI stages (PS3.3 C.11.1.1, C.11.2.1.1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from keras_wa.data.io.header import DicomHeader, named

_WITHOUT = "The grey levels were computed without it, so the contrast is another."

# A table whose output fills less of its range gives a picture that is too dark or of
# too low contrast.
_FILLED = 0.5


def look_up(
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
        source.leave_out(name, "three numbers", _WITHOUT, "no LUTDescriptor")
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
        source.leave_out(name, f"{entries} of 8 to 16", _WITHOUT, found)
        return None
    index = np.clip(np.rint(values) - first, 0, entries - 1).astype(np.int64)
    return outputs[index].astype(np.float64), 2.0**bits - 1


def _entries(table: DicomHeader, entries: int) -> NDArray[np.integer]:
    """Returns the outputs of a table, unsigned in any value representation."""
    bits = 16 if len(table.data("LUTData")) >= 2 * entries else 8
    return table.packed("LUTData", bits)[:entries]


def note_unfilled(
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
