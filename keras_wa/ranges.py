"""The numbers that a setting takes, declared beside it and checked in one place."""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
from numbers import Integral, Real
from typing import Any

from keras_wa.errors import UserError

_FINITE = sys.float_info.max
_MOST = 2**31 - 1  # Of what is counted, where nothing else limits it.


@dataclasses.dataclass(frozen=True)
class Range:
    """The numbers from `low` to `high`; NaN and the infinite ones are in none.

    A parser of the command line takes a range as the `type` of a flag.

    Attributes:
        low, high: the limits, which belong to the range.
        whole: whether only whole numbers do.
        above: whether `low` itself is left out.
        below: whether `high` itself is left out.
    """

    low: float = -_FINITE
    high: float = _FINITE
    whole: bool = False
    above: bool = False
    below: bool = False

    def __contains__(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, self._kind):
            return False
        if (self.above and value == self.low) or (self.below and value == self.high):
            return False
        return bool(self.low <= value <= self.high)  # type: ignore[operator]

    def __call__(self, text: str) -> float:
        """The number that a flag's text stands for."""
        try:
            value: Any = int(text) if self.whole else float(text)
        except ValueError:
            value = text
        if value not in self:
            wanted = self._wanted(value)
            raise argparse.ArgumentTypeError(f"must be {wanted}. Received: {text}")
        return value

    def check(self, name: str, value: Any) -> None:
        """Raises a `UserError` that starts with a name unless a value is in the range.

        What is no number at all is outside too.
        """
        if value not in self:
            wanted = self._wanted(value)
            raise UserError(f"{name} must be {wanted}. Received: {value!r}")

    @property
    def _kind(self) -> Any:
        return Integral if self.whole else Real

    def _wanted(self, value: Any) -> str:
        """The numbers that are expected, in words, where a value is another one."""
        if not isinstance(value, self._kind) or isinstance(value, bool):
            kind = "whole number" if self.whole else "number"
            return f"a {kind}, {self._limits(math.nan)}"
        return self._limits(value)

    def _limits(self, value: Any) -> str:
        if self.low == -_FINITE:
            return "finite"
        low, high = _short(self.low), _short(self.high)
        least = f"{'above' if self.above else 'at least'} {low}"
        most = f"{'below' if self.below else 'at most'} {high}"
        # A limit that is far away is named only to a value above it.
        if self.high in (_MOST, _FINITE) and not value > self.high:
            return least
        if self.high == _FINITE:
            return "finite"
        if value <= self.low:
            return least
        if self.above or self.below or self.high == _MOST:
            return f"{least} and {most}"
        return f"{low} to {high}"


FLOAT32 = Range(-3.4e38, 3.4e38)
"""What a weight can be."""


def _short(value: float) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def whole(default: int | None, low: int, high: int = _MOST) -> Any:
    """A field of a dataclass that holds a whole number; see `check_ranges`."""
    return _field(default, Range(low, high, whole=True))


def real(
    default: float | None,
    low: float = -_FINITE,
    high: float = _FINITE,
    above: bool = False,
) -> Any:
    """A field of a dataclass that holds a number; see `check_ranges`."""
    return _field(default, Range(low, high, above=above))


def same(record: type, field: str) -> Any:
    """A field with the default and the range of another dataclass's field."""
    declared = {each.name: each for each in dataclasses.fields(record)}[field]
    return _field(declared.default, range_of(record, field))


def range_of(record: type, field: str) -> Range:
    """The range that a dataclass declares for a field."""
    declared = {each.name: each for each in dataclasses.fields(record)}[field]
    return declared.metadata[_KEY]


def check_ranges(record: Any) -> None:
    """Checks every number of a dataclass that declares its range.

    Args:
        record: an instance. A field whose default is `None` may hold it.

    Raises:
        UserError: a field holds what is outside its range.
    """
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if _KEY in field.metadata and not (value is None and field.default is None):
            field.metadata[_KEY].check(f"`{field.name}`", value)


_KEY = "range"


def _field(default: Any, range_: Range) -> Any:
    return dataclasses.field(default=default, metadata={_KEY: range_})
