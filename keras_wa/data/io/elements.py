"""Interprets the bytes of one element of a DICOM header."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Sequence

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.tag import BaseTag

BLANKS = " \0\t\r\n"
"""Padding of a text; the standard has the first two."""

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

# Implausible in a mammogram's header: float64 cannot distinguish neighbouring integers
# much above it.
_LARGEST = 1e12
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*|,[0-9]+)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+")
_SHOWN = 60  # Characters of a value in a message.


def parse_numbers(text: str) -> tuple[float, ...]:
    """Parses the numbers of a text, with a decimal point or comma.

    The standard has a backslash between numbers and a decimal point (PS3.5, 6.2, DS and
    IS), but programs in countries with a decimal comma write `0,085\\0,085`.

    Returns:
        An empty tuple if a part is not a number, or may be one or a thousand (`1,000`).
    """
    parts = [part.strip(BLANKS) for part in text.split("\\")]
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    if any(not _NUMBER.fullmatch(part) or _THOUSANDS.fullmatch(part) for part in parts):
        return ()
    return _credible(float(part.replace(",", ".")) for part in parts)


def numbers_in(
    element: DataElement | RawDataElement, keyword: str
) -> tuple[float, ...]:
    """Returns the numbers of an element with a value, none if they are not clear.

    The value representation may differ from that of the standard for the keyword.
    """
    value, own = element.value, dictionary_VR(keyword)
    if not isinstance(element, RawDataElement) or not isinstance(value, bytes):
        return parse_numbers(_joined(value))
    text = parse_numbers(printable(value) or "")
    kind = str(element.VR) if element.VR in {*WORDS, *TEXTS} else own
    if kind in TEXTS:
        return text
    # A text under the name of binary numbers has two meanings.
    return () if text and own in TEXTS else _binary(element, kind)


def _binary(element: RawDataElement, kind: str) -> tuple[float, ...]:
    letter, value = WORDS.get(kind), element.value or b""
    if letter is None or len(value) % struct.calcsize(f"={letter}"):
        return ()
    order = "<" if element.is_little_endian else ">"
    count = len(value) // struct.calcsize(f"={letter}")
    return _credible(map(float, struct.unpack(f"{order}{count}{letter}", value)))


def _credible(numbers: Iterable[float]) -> tuple[float, ...]:
    found = tuple(numbers)
    # False for NaN, too.
    return found if all(abs(number) < _LARGEST for number in found) else ()


def packed(
    element: DataElement | RawDataElement | None, bits: int
) -> NDArray[np.unsignedinteger]:
    """Returns the unsigned numbers of 8 or 16 bits in an element, if any."""
    data = bytes_of(element)
    data = data[: len(data) * 8 // bits * bits // 8]
    big = isinstance(element, RawDataElement) and not element.is_little_endian
    if bits == 16:
        words = np.frombuffer(data, ">u2" if big else "<u2")
        return words.astype(np.uint16, copy=False)
    if big and element is not None and element.VR != "OB":
        # Two numbers per word, the first in the lower byte (PS3.5, 8.1.1 and D).
        data = np.frombuffer(data[: len(data) // 2 * 2], ">u2").astype("<u2").tobytes()
    return np.frombuffer(data, np.uint8)


def bytes_of(element: DataElement | RawDataElement | None) -> bytes:
    """Returns the raw bytes of an element; `b""` if there are none."""
    value = None if element is None else element.value
    return value if isinstance(value, bytes) else b""


def items_of(dataset: pydicom.Dataset, key: str | BaseTag) -> list[pydicom.Dataset]:
    """Returns the items of a sequence, none if it is absent or damaged."""
    try:
        value = dataset[key].value if key in dataset else []
        return [item for item in value if isinstance(item, pydicom.Dataset)]
    except Exception:
        # pydicom can raise any exception for a damaged element.
        return []


def printable(value: bytes) -> str | None:
    """Decodes bytes as ASCII text without padding; None if not ASCII."""
    text = value.decode("ascii", "replace").strip(BLANKS)
    return text if text.isprintable() and "\ufffd" not in text else None


def as_shown(element: DataElement | RawDataElement, keyword: str) -> str:
    """Formats the value for messages."""
    value: object = element.value
    text = printable(value) if isinstance(value, bytes) else _joined(value)
    if text and text.isprintable() and dictionary_VR(keyword) not in WORDS:
        return f"'{text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'}'"
    numbers = numbers_in(element, keyword)
    if numbers:
        return "\\".join(f"{number:g}" for number in numbers[: _SHOWN // 4])
    size = f"{len(value)} bytes" if isinstance(value, bytes) else "a value"
    return f"{size} of VR {element.VR}"


def _joined(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return "\\".join(map(str, value))
    return str(value)
