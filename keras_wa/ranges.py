"""Ranges of numbers for settings, flags and model options."""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
from numbers import Integral, Real
from typing import Any

from keras_wa.errors import UserError

_FINITE = sys.float_info.max
MOST = 2**31 - 1  # Limit of counts that nothing else limits.


@dataclasses.dataclass(frozen=True)
class Range:
    """The numbers from `low` to `high`; NaN and infinity are in no range.

    `argparse` accepts a range as the `type` of a flag. `whole` leaves only whole
    numbers, `above` excludes `low`, `below` excludes `high`.
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
        """Parses the value of a flag."""
        try:
            value: Any = int(text) if self.whole else float(text)
        except ValueError:
            value = text
        if value not in self:
            wanted = self._wanted(value)
            raise argparse.ArgumentTypeError(f"must be {wanted}. Received: {text}")
        return value

    def check(self, name: str, value: Any) -> None:
        """Raises a `UserError` about the name if a value is not in the range."""
        if value not in self:
            wanted = self._wanted(value)
            raise UserError(f"{name} must be {wanted}. Received: {value!r}")

    @property
    def _kind(self) -> Any:
        return Integral if self.whole else Real

    def _wanted(self, value: Any) -> str:
        """Describes the expected numbers in the error message for a value."""
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
        # A limit that is hardly ever reached is named only for a value above it.
        if self.high in (MOST, _FINITE) and not value > self.high:
            return least
        if self.high == _FINITE:
            return "finite"
        if value <= self.low:
            return least
        if self.above or self.below or self.high == MOST:
            return f"{least} and {most}"
        return f"{low} to {high}"


FLOAT32 = Range(-3.4e38, 3.4e38)
"""The range of a float32 weight."""


def _short(value: float) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
