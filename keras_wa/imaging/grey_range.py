"""How much of its range of grey levels an image uses.

A file of 16 bits may hold values of fewer, and nothing in it says so: a 12-bit image
in a 16-bit PNG has 16 of 256 grey levels.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from keras_wa.errors import UserError
from keras_wa.imaging.display import GreyTable
from keras_wa.imaging.image import GreyImage
from keras_wa.imaging.scaling import scale_to_uint8

# An image that uses less than a quarter of its range is noted.
_LEAST_PART = 4
_LEVELS = 256
_SAMPLES = 256  # Rows and columns that a look at a DICOM image takes.


def sixteen_bit_image(
    values: NDArray[np.uint16],
    name: str,
    bits_stored: int | None = None,
    white_is_zero: bool = False,
) -> GreyImage:
    """An image whose format has 16 bits, of which fewer may be in use.

    Args:
        values: (H, W), as the file holds them.
        name: the file, for messages.
        bits_stored: how many bits the values have; `None` for all 16.
        white_is_zero: whether 0 is white.

    Returns:
        The image: 0 to `2**bits_stored - 1` become grey levels 0 to 255. One that uses
        less than a quarter of that range has a note.

    Raises:
        UserError: if a value has more bits.
    """
    bits = bits_stored or 16
    highest, greatest = 2**bits - 1, int(values.max())
    if greatest > highest:
        raise UserError(
            f"{name}: grey range. Received: values up to {greatest}; expected at most "
            f"{highest}, for --bits-stored {bits}. Give the bits of all files, "
            f"{greatest.bit_length()} or more, or leave it out."
        )
    notes = []
    if 0 < greatest < (highest + 1) // _LEAST_PART:
        used = int(_levels(bits)[greatest]) + 1
        needed = max(8, greatest.bit_length())
        notes.append(
            f"grey range: the file's values reach {greatest} of {highest}, so that "
            f"{used} of {_LEVELS} grey levels are used. If such files have fewer than "
            f"{bits} bits, give them: --bits-stored {needed} or more."
        )
    levels = 255 - _levels(bits) if white_is_zero else _levels(bits)
    return GreyImage(values, GreyTable(levels, 0), notes=tuple(notes))


def narrow_dicom_note(image: GreyImage) -> tuple[str, ...]:
    """A note on a DICOM image that uses less than a quarter of the grey levels.

    Its header states the range, by a window or by the bits stored, and may state more
    than the pixels have.

    Args:
        image: a decoded DICOM image.
    """
    said = any("of low contrast" in note for note in image.notes)  # By its table.
    if said or image.stored.dtype.itemsize < 2:
        return ()
    rows, columns = (max(1, count // _SAMPLES) for count in image.shape)
    stored = image.stored[::rows, ::columns]
    levels = image.to_grey(stored)
    # Air and padding are 0, also where the tissue is bright throughout.
    tissue = levels[levels > 0]
    if not tissue.size:
        return ()
    low, high = int(tissue.min()), int(tissue.max())
    if low == high or high - low >= _LEVELS // _LEAST_PART:
        return ()
    return (
        f"grey range: grey levels {low} to {high} of 255 are used; the window, or the "
        f"BitsStored (0028,0101), of the header is wider than the stored values, "
        f"{int(stored.min())} to {int(stored.max())}.",
    )


@functools.lru_cache
def _levels(bits: int) -> NDArray[np.uint8]:
    highest = 2**bits - 1
    levels = scale_to_uint8(np.arange(highest + 1), 0, highest)
    levels.flags.writeable = False
    return levels
