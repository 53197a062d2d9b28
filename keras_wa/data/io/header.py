"""Reads DICOM headers, one element at a time, from the bytes of the element.

pydicom converts a value when it is first used: it may raise any exception for a damaged
one, or guess another value representation and give another number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.tag import Tag

from keras_wa.data.io.elements import (
    BLANKS,
    TEXTS,
    WORDS,
    as_shown,
    bytes_of,
    items_of,
    numbers_in,
    packed,
    printable,
)


class HeaderError(ValueError):
    """An element without which there are no pixels cannot be read."""


class DicomHeader:
    """Reads the elements of data sets; the first that has an element counts.

    Attributes:
        notes: a sentence for each element that was left out, `keyword (tag): …`; those
            of items and levels go to the same list.
    """

    def __init__(
        self, *datasets: pydicom.Dataset, notes: list[str] | None = None
    ) -> None:
        self._datasets = datasets
        self.notes: list[str] = [] if notes is None else notes

    @classmethod
    def of_texts(cls, texts: Mapping[str, str]) -> DicomHeader:
        """A header of texts by keyword, as `shown` gave them."""
        dataset = pydicom.Dataset()
        for keyword, text in texts.items():
            dataset.add(DataElement(keyword, "UT", text))
        return cls(dataset)

    def frame(self) -> DicomHeader:
        """The header of the first frame, with its functional groups (PS3.3 C.7.6.16).

        Macros of the per-frame groups take precedence over the shared groups, and these
        over the elements outside of them.
        """
        return DicomHeader(*self._levels(), notes=self.notes)

    def nearest(self, *keywords: str) -> DicomHeader:
        """The first data set that states one of the elements, so that they agree."""
        for dataset in self._datasets:
            level = DicomHeader(dataset, notes=self.notes)
            if any(level.states(keyword) for keyword in keywords):
                return level
        return DicomHeader(notes=self.notes)

    def states(self, keyword: str) -> bool:
        """Whether an element is present and not blank."""
        return self._find(keyword) is not None

    def text(self, keyword: str) -> str:
        """A text without padding; `""` if there is none.

        Several equal values count as one.
        """
        shown = self.shown(keyword)
        if shown is None:
            return ""
        values = {value.strip(BLANKS) for value in shown.split("\\")}
        if len(values) > 1 and dictionary_VR(keyword) == "CS":
            self.leave_out(keyword, "one value")
            return ""
        return values.pop() if len(values) == 1 else shown

    def shown(self, keyword: str) -> str | None:
        """The value as text, several joined by a backslash; `None` if there is none.

        Of a sequence of codes it is the CodeValue of the first item.
        """
        element = self._find(keyword)
        if element is None:
            return None
        if dictionary_VR(keyword) == "SQ":
            items = self.items(keyword)
            return items[0].shown("CodeValue") if items else None
        text = self._converted(keyword)
        if text is None and dictionary_VR(keyword) in ("DS", "IS"):
            numbers = self._numbers(keyword)
            text = "\\".join(f"{number:.12g}" for number in numbers) or None
        if text is None and isinstance(element, RawDataElement):
            text = printable(element.value or b"")
        if text is None:
            self.leave_out(keyword, "a text")
            return None
        return text.strip(BLANKS) or None

    def number(self, keyword: str, effect: str = "") -> float | None:
        """A number, or several that are equal; `None` if absent or left out and noted.

        `effect` is a sentence for the note: what leaving it out means.
        """
        found = self._numbers(keyword)
        if len(set(found)) == 1:
            return found[0]
        if self.states(keyword):
            self.leave_out(keyword, "a number", effect)
        return None

    def numbers(self, keyword: str, count: int) -> tuple[float, ...] | None:
        """As `number`, of an element of so many values."""
        found = self._numbers(keyword)
        if len(found) == count:
            return found
        if self.states(keyword):
            self.leave_out(keyword, f"{count} numbers")
        return None

    def window(self, effect: str = "") -> tuple[float, float] | None:
        """WindowCenter and WindowWidth of the first window.

        `None` if one is absent or was left out and noted.
        """
        keywords = ("WindowCenter", "WindowWidth")
        stated = [keyword for keyword in keywords if self.states(keyword)]
        if len(stated) < len(keywords):
            for keyword in stated:
                expected = f"{' and '.join(keywords)} together"
                self.leave_out(keyword, expected, effect, "only this")
            return None
        centers, widths = (self._numbers(keyword) for keyword in keywords)
        if centers and widths:
            return centers[0], widths[0]
        self.leave_out(keywords[bool(centers)], "a number", effect)
        return None

    def needed(self, keyword: str, default: int | None = None) -> int:
        """A whole number outside of functional groups that the pixels need.

        Raises:
            HeaderError: it is no single whole number, or is absent without a default.
        """
        level = DicomHeader(*self._datasets[-1:])
        if default is not None and not level.states(keyword):
            return default
        number = level.number(keyword)
        if number is None or not number.is_integer():
            raise HeaderError(
                f"{named(keyword)}. Received: {level._received(keyword)}; expected a "
                "whole number. The file is damaged: copy it again."
            )
        return int(number)

    def data(self, keyword: str) -> bytes:
        """The bytes of an element, as the file has them; `b""` if there are none."""
        return bytes_of(self._find(keyword))

    def packed(self, keyword: str, bits: int) -> NDArray[np.unsignedinteger]:
        """The unsigned numbers of 8 or 16 bits in an element; none if it is absent."""
        return packed(self._find(keyword), bits)

    def items(self, keyword: str) -> list[DicomHeader]:
        """The items of a sequence, none if it is absent or was left out and noted."""
        for dataset in self._datasets:
            if found := items_of(dataset, keyword):
                return [DicomHeader(item, notes=self.notes) for item in found]
        if self.states(keyword):
            self.leave_out(keyword, "a sequence with an item")
        return []

    def leave_out(
        self, keyword: str, expected: str, effect: str = "", found: str = ""
    ) -> None:
        """Notes that an element is not used; `found` is by default its value."""
        note = (
            f"{named(keyword)}: left out. Received: {found or self._received(keyword)};"
            f" expected {expected}. {effect}"
        ).strip()
        if note not in self.notes:
            self.notes.append(note)

    def _received(self, keyword: str) -> str:
        element = self._find(keyword)
        return "nothing" if element is None else as_shown(element, keyword)

    def _numbers(self, keyword: str) -> tuple[float, ...]:
        element = self._find(keyword)
        return () if element is None else numbers_in(element, keyword)

    def _converted(self, keyword: str) -> str | None:
        """A value as pydicom converts it, `None` if it cannot."""
        own = dictionary_VR(keyword)
        for dataset in self._datasets:
            try:
                raw = dataset.get_item(keyword)
                if raw is None or (own in TEXTS and raw.VR in WORDS):
                    continue
                element = dataset[keyword]
                if element.VR == "SQ":
                    return None
                if element.VM > 1:
                    return "\\".join(str(part) for part in element.value)
                if not isinstance(element.value, bytes) and element.value is not None:
                    return str(element.value)
            except Exception:
                return None
        return None

    def _find(self, keyword: str) -> DataElement | RawDataElement | None:
        for dataset in self._datasets:
            element = dataset.get_item(keyword)
            if element is None:
                continue
            value = element.value
            if isinstance(value, bytes) and dictionary_VR(keyword) in TEXTS:
                value = value.strip(BLANKS.encode())
            if isinstance(value, str):
                value = value.strip(BLANKS)
            if value is not None and (not hasattr(value, "__len__") or len(value)):
                return element
        return None

    def _levels(self) -> Iterator[pydicom.Dataset]:
        for dataset in self._datasets:
            for groups in (
                "PerFrameFunctionalGroupsSequence",
                "SharedFunctionalGroupsSequence",
            ):
                for group in DicomHeader(dataset, notes=self.notes).items(groups)[:1]:
                    yield from _macros(group._datasets[0])
            yield dataset


def named(keyword: str) -> str:
    """An element in messages: `PixelSpacing (0028,0030)`."""
    tag = Tag(tag_for_keyword(keyword) or 0)
    return f"{keyword} ({tag.group:04X},{tag.element:04X})"


def _macros(group: pydicom.Dataset) -> Iterator[pydicom.Dataset]:
    for element in list(group.keys()):
        yield from items_of(group, element)[:1]
