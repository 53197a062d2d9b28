"""Copies elements from an image to a result, with a note on those left out.

A result is written in UTF-8. If the bytes of a text are invalid in the image's
character set, pydicom guesses, and the patient could get another name.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable, Sequence

from pydicom import Dataset
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import dictionary_VM, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.tag import BaseTag, Tag
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR, TEXT_VR_DELIMS, PersonName

from keras_wa.data.io.elements import WORDS, parse_numbers
from keras_wa.data.io.header import DicomHeader, named

_ESCAPE = 0x1B
# pydicom's name of the default repertoire, which it decodes as Latin-1.
_DEFAULT = "iso8859"
_GUESSES = "Unknown encoding|Failed to decode|Found unknown escape"


class _UnreadableTextError(ValueError):
    """The bytes of a text are invalid in the character set."""


def take_over(result: Dataset, source: Dataset, fields: Iterable[str]) -> list[str]:
    """Copies elements to a result, texts decoded.

    Elements that cannot be read do not change there; returns a sentence for each.
    """
    codecs = _codecs(source, [])
    notes = []
    for field in fields:
        if field not in source:
            continue
        try:
            _check_element(source, field, codecs)
            result.add(_copied(source, field))
        except _UnreadableTextError:
            stated = source.get("SpecificCharacterSet")
            stated = f"says {stated!r}" if stated else "is missing"
            notes.append(
                f"{named(field)}: not taken over from the image, since its bytes are "
                f"no text in the image's character set (SpecificCharacterSet {stated})."
            )
        except Exception:
            # pydicom can raise any exception for a damaged value.
            notes.append(
                f"{named(field)}: not taken over from the image, since its value "
                "cannot be read."
            )
    return notes


def _codecs(dataset: Dataset, inherited: list[str]) -> list[str]:
    """Returns Python's names of the character sets, none if unknown."""
    stated = dataset.get("SpecificCharacterSet")
    if not stated:
        return inherited
    several = not isinstance(stated, str)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=_GUESSES)
        try:
            found = convert_encodings(list(stated) if several else stated)
        except Exception:
            return []
    return ["ascii" if name == _DEFAULT else name for name in found]


def _check_element(dataset: Dataset, key: str | BaseTag, codecs: Sequence[str]) -> None:
    """Raises `_UnreadableTextError` if a text of an element or its items is invalid."""
    element = dataset.get_item(key)
    vr = element.VR
    if isinstance(element, RawDataElement) and vr in (None, "UN"):
        vr = dictionary_VR(element.tag)
    if vr == "SQ":
        for item in dataset[key].value:
            own = _codecs(item, list(codecs))
            for tag in list(item.keys()):
                _check_element(item, tag, own)
        return
    if vr in WORDS:
        return
    codecs = codecs if vr in CUSTOMIZABLE_CHARSET_VR else ()
    if isinstance(element.value, bytes):
        _check_bytes(element.value, str(vr), codecs)
    else:
        _check_decoded(element, codecs)


def _check_bytes(value: bytes, vr: str, codecs: Sequence[str]) -> None:
    if value.isascii() and _ESCAPE not in value:
        return
    if not codecs:
        raise _UnreadableTextError
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=_GUESSES)
        try:
            if vr == "PN":
                for name in value.split(b"\\"):
                    str(PersonName(name, list(codecs)))
            else:
                decode_bytes(value, codecs, TEXT_VR_DELIMS)
        except Exception as error:
            raise _UnreadableTextError from error


def _check_decoded(element: DataElement, codecs: Sequence[str]) -> None:
    """Applies `_check_bytes` to an element that pydicom has converted."""
    names = element.value if element.VM > 1 else [element.value]
    for name in names:
        if isinstance(name, PersonName) and isinstance(name.original_string, bytes):
            _check_bytes(name.original_string, "PN", codecs)
    if not all(_is_one_of(letter, codecs) for letter in str(element.value)):
        raise _UnreadableTextError


def _is_one_of(letter: str, codecs: Sequence[str]) -> bool:
    """Returns whether a letter is in one of the character sets, or in all of them."""
    if letter.isascii():
        return ord(letter) != _ESCAPE
    for codec in codecs:
        try:
            letter.encode(codec)
        except (UnicodeError, LookupError):
            continue
        return letter != "\ufffd"
    return False


def _copied(source: Dataset, field: str) -> DataElement:
    """Returns a copy in the standard's value representation; damaged values raise."""
    own, header = dictionary_VR(field), DicomHeader(source)
    tag = Tag(field)
    if own in ("DS", "IS"):
        text = header.shown(field) or ""
        if text and ("," in text or not parse_numbers(text)):
            count = 2 if dictionary_VM(field) == "2" else 1
            found = header.numbers(field, count)
            if found is None:
                raise ValueError("no number")
            text = "\\".join(f"{number:.12g}" for number in found)
        return DataElement(tag, own, text)
    element = _decoded(copy.deepcopy(source[field]))
    if own != element.VR:
        return DataElement(tag, own, header.shown(field))
    return element


def _decoded(element: DataElement) -> DataElement:
    # Access decodes an element; the items of a sequence are decoded one by one.
    if element.VR == "SQ":
        for item in element.value:
            item.decode()
            item.pop("SpecificCharacterSet", None)
            for each in item:
                _decoded(each)
    return element
