"""Checks the range of grey levels that an image uses.

A 16-bit file may have values of fewer bits, without a record of them: a 12-bit image in
a 16-bit PNG would have 16 of 256 grey levels.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from keras_wa.data.io.display import GreyTable
from keras_wa.data.io.image import GreyImage
from keras_wa.data.io.scaling import scale_to_uint8
from keras_wa.errors import UserError

# Smallest share of its range that an image may use without a note.
_LEAST_PART = 4
_LEVELS = 256
_SAMPLES = 256  # Rows and columns of a sample of an image.
# Of the values below a label or a white background, those above are specks.
_MOST = 99.9  # Per cent.


def sixteen_bit_image(
    values: NDArray[np.uint16],
    name: str,
    bits_stored: int | None = None,
    white_is_zero: bool = False,
) -> GreyImage:
    """Creates an image from 16-bit values, of which only `bits_stored` may be used.

    It gets a note if it uses less than a quarter of that range, apart from a label or a
    white background.

    Raises:
        UserError: a value has more bits.
    """
    bits = bits_stored or 16
    highest, greatest = 2**bits - 1, int(values.max())
    if greatest > highest:
        raise UserError(
            f"{name}: grey range. Received: values up to {greatest}; expected at most "
            f"{highest}, the greatest of {bits} bits (by `bits_stored`; where that is "
            "not given, as in the model's training files). Give "
            f"`bits_stored={greatest.bit_length()}`."
        )
    notes = []
    reached = _reached(greatest, _sample(values), highest / _LEAST_PART)
    if 0 < reached < highest / _LEAST_PART:
        used = int(_levels(bits)[reached]) + 1
        needed = max(8, reached.bit_length())
        if reached == greatest:
            notes.append(
                f"grey range: the file's values reach {greatest} of {highest}, so that "
                f"{used} of {_LEVELS} grey levels are used. If such files have fewer "
                f"than {bits} bits, give them: `bits_stored={needed}` or more."
            )
        else:
            notes.append(
                f"grey range: but for a label or a background of up to {greatest}, the "
                f"file's values reach {reached} of {highest}, so that {used} of "
                f"{_LEVELS} grey levels are used. If they have fewer than {bits} bits, "
                "set those above to 0 in the file and give "
                f"`bits_stored={needed}` or more."
            )
    levels = 255 - _levels(bits) if white_is_zero else _levels(bits)
    return GreyImage(values, GreyTable(levels, 0), notes=tuple(notes))


def narrow_dicom_note(image: GreyImage) -> tuple[str, ...]:
    """Returns a note on a DICOM image that uses less than a quarter of the grey levels.

    The range is from the header, by a window or by the bits stored, and may be too
    large. Since a crop has few grey levels anyway, the distance from the level of the
    stored value 0 counts, as in other formats.
    """
    said = any("of low contrast" in note for note in image.notes)  # By its table.
    table = image.to_grey
    if said or image.stored.dtype.itemsize < 2 or not isinstance(table, GreyTable):
        return ()
    stored = _sample(image.stored)
    levels = table(stored)
    # Air and padding are 0, also in an image of bright tissue.
    tissue = levels > 0
    shown, values = levels[tissue], stored[tissue]
    if not shown.size:
        # Padding and air may have different values.
        return _unfit(levels, stored) if len(np.unique(stored)) > 2 else ()
    if values.min() == values.max():
        return ()
    if shown.min() == shown.max():
        return _unfit(shown, stored)
    possible = table.levels[-table.least :]  # Of the stored values from 0 on.
    possible = possible[possible > 0].astype(int)
    if not possible.size:
        return ()
    room = int(np.abs(possible - possible[0]).max())
    if room > _LEVELS / _LEAST_PART:
        distances = np.abs(shown.astype(int) - possible[0])
        reached = _reached(int(distances.max()), distances, room / _LEAST_PART)
        if reached >= room / _LEAST_PART:
            return ()
        shown, values = shown[distances <= reached], values[distances <= reached]
        if values.min() == values.max():  # There is only a label.
            return ()
    return _unfit(shown, stored)


def _unfit(shown: NDArray[np.uint8], stored: NDArray) -> tuple[str, ...]:
    return (
        f"grey range: grey levels {int(shown.min())} to {int(shown.max())} of 255 are "
        "used; the window or the BitsStored (0028,0101) of the header may not fit the "
        f"stored values, {int(stored.min())} to {int(stored.max())}.",
    )


def _sample(values: NDArray) -> NDArray:
    rows, columns = (max(1, count // _SAMPLES) for count in values.shape)
    return values[::rows, ::columns]


def _reached(greatest: int, values: NDArray, enough: float) -> int:
    """Returns the maximum, or a high percentile if it may be that of a label."""
    others = values[values < greatest]
    if greatest < enough or not others.size:
        return greatest
    return int(np.percentile(others, _MOST))


@functools.lru_cache
def _levels(bits: int) -> NDArray[np.uint8]:
    highest = 2**bits - 1
    levels = scale_to_uint8(np.arange(highest + 1), 0, highest)
    levels.flags.writeable = False
    return levels
