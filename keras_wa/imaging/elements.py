"""What the bytes of one element of a DICOM header can mean."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement

from keras_wa.imaging.decimals import BLANKS, LARGEST, Reading, readings

WORDS = {
    **{"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q"},
    **{"FL": "f", "FD": "d", "US or SS": "H", "US or OW": "H"},
}
"""Value representations of binary numbers, and their letters in `struct`."""

TEXTS = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM"}
    | {"UC", "UI", "UR", "UT"}
)
"""Value representations of texts."""

_SHOWN = 60  # Characters of a value in a message.


def numbers_in(element: DataElement | RawDataElement, keyword: str) -> set[Reading]:
    """Gives all ways to read the numbers of an element.

    Args:
        element: as the file has it, with a value.
        keyword: its name, which the standard gives a value representation. The file may
            give another one.

    Returns:
        As `decimals.readings`; an empty set if it holds no numbers.
    """
    value, own = element.value, dictionary_VR(keyword)
    if not isinstance(element, RawDataElement) or not isinstance(value, bytes):
        return readings(_joined(value))
    text = printable(value)
    texts = readings(text) if text else set()
    kind = str(element.VR) if element.VR in {*WORDS, *TEXTS} else own
    if kind in TEXTS:
        return texts if text else _binary(element, own)
    # Under the name of binary numbers may stand a text: any bytes are such numbers.
    words = _binary(element, kind)
    return words if own in WORDS else words | texts


def _binary(element: RawDataElement, kind: str) -> set[Reading]:
    letter, value = WORDS.get(kind), element.value or b""
    if letter is None or len(value) % struct.calcsize(f"={letter}"):
        return set()
    order = "<" if element.is_little_endian else ">"
    count = len(value) // struct.calcsize(f"={letter}")
    found = struct.unpack(f"{order}{count}{letter}", value)
    # False for NaN, too.
    return {tuple(map(float, found))} if all(abs(n) < LARGEST for n in found) else set()


def printable(value: bytes) -> str | None:
    """Bytes as a text in ASCII without padding, `None` if they are none."""
    text = value.decode("ascii", "replace").strip(BLANKS)
    return text if text.isprintable() and "\ufffd" not in text else None


def as_shown(element: DataElement | RawDataElement, keyword: str) -> str:
    """The value as messages show it."""
    value: object = element.value
    text = printable(value) if isinstance(value, bytes) else _joined(value)
    if text and text.isprintable() and dictionary_VR(keyword) not in WORDS:
        return f"'{text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'}'"
    numbers = numbers_in(element, keyword)
    if len(numbers) == 1:
        return "\\".join(f"{number:g}" for number in numbers.pop()[: _SHOWN // 4])
    size = f"{len(value)} bytes" if isinstance(value, bytes) else "a value"
    return f"{size} of VR {element.VR}"


def _joined(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return "\\".join(map(str, value))
    return str(value)
