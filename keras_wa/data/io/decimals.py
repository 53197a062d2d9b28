"""Parses numbers in texts of a DICOM header, also malformed ones.

DICOM separates numbers by a backslash and writes decimals with a point (PS3.5, 6.2, DS
and IS). Programs in countries with a decimal comma write `0,085\\0,085`, and some use a
comma or a semicolon for the backslash. All interpretations are returned; the caller
knows the number of values, and accepts an unambiguous one.
"""

from __future__ import annotations

import itertools
import re

LARGEST = 1e12
"""Smallest magnitude that is implausible in a mammogram's header. Above it, float64
cannot distinguish neighbouring stored values."""

BLANKS = " \0\t\r\n"
"""Padding of a text; the standard has the first two."""

Reading = tuple[float, ...]

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_FRACTION = re.compile(r"[0-9]+([eE][+-]?[0-9]+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+")
_MOST_PARTS = 4


def readings(text: str) -> set[Reading]:
    """Returns all interpretations of a text as numbers.

    Args:
        text: the value of an element; not blank.

    Returns:
        The numbers of each interpretation. With a backslash in the text, a comma is
        part of a number; without, it may also separate two. `1,000` may also be a
        thousand. Empty if the text is not numeric.
    """
    parts = [part.strip(BLANKS) for part in re.split(r"[\\;]", text)]
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    if len(parts) == 1 and "," in parts[0]:
        return _with_commas(parts[0])
    # A file has one style for all its numbers.
    ways = {tuple(map(_decimal, parts)), tuple(map(_thousands, parts))}
    return {tuple(n for n in way if n is not None) for way in ways if None not in way}


def _with_commas(text: str) -> set[Reading]:
    """Returns `readings` of a text with commas and no other separator."""
    found: set[Reading] = set()
    thousands = _thousands(text)
    if thousands is not None:
        found.add((thousands,))
    parts = [part.strip(BLANKS) for part in text.split(",")]
    if len(parts) > _MOST_PARTS:
        return found
    # Each comma separates two numbers, or is part of one.
    for inside in itertools.product((False, True), repeat=len(parts) - 1):
        words = [parts[0]]
        for joined, part in zip(inside, parts[1:], strict=True):
            if joined:
                words[-1] += f",{part}"
            else:
                words.append(part)
        numbers = [_decimal(word) for word in words]
        if None not in numbers:
            found.add(tuple(number for number in numbers if number is not None))
    return found


def _decimal(word: str) -> float | None:
    """Parses a number with a decimal point or one decimal comma."""
    whole, comma, fraction = word.partition(",")
    if comma:
        if not (_INTEGER.fullmatch(whole) and _FRACTION.fullmatch(fraction)):
            return None
        word = f"{whole}.{fraction}"
    return _credible(float(word)) if _NUMBER.fullmatch(word) else None


def _thousands(word: str) -> float | None:
    """Parses a number with commas as thousands separators, else as `_decimal`."""
    if _THOUSANDS.fullmatch(word):
        return _credible(float(word.replace(",", "")))
    return _decimal(word)


def _credible(number: float) -> float | None:
    return number if abs(number) < LARGEST else None
