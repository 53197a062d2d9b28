"""A number with its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Attributes:
        value: estimate from the data; NaN if undefined.
        low: lower limit of the interval; NaN if undefined.
        high: upper limit of the interval; NaN if undefined.
        standard_error: standard error of the value; NaN if unknown.
        n_dropped: number of bootstrap resamples that the interval leaves out because
            the value is undefined in them, such as an AUC of one class.

    Example:
        >>> from keras_wa.metrics import Estimate
        >>> print(Estimate(0.7412, 0.655, 0.8137))
        0.741 [0.655, 0.814]
    """

    value: float
    low: float
    high: float
    standard_error: float = math.nan
    n_dropped: int = 0

    def __str__(self) -> str:
        return format(self)

    def __format__(self, spec: str) -> str:
        numbers = self.value, self.low, self.high
        value, low, high = (format(each, spec or ".3f") for each in numbers)
        if math.isnan(self.value):
            return "n/a"
        if math.isnan(self.low) or math.isnan(self.high):
            return value
        return f"{value} [{low}, {high}]"

    @classmethod
    def from_record(cls, record: Mapping[str, float | None]) -> Estimate:
        """The estimate of `{value, low, high}`, None where undefined."""
        found = (record[name] for name in ("value", "low", "high"))
        value, low, high = (math.nan if each is None else each for each in found)
        return cls(value, low, high)

    def to_record(self) -> dict[str, float]:
        """Returns `{value, low, high}`, NaN if undefined."""
        return {"value": self.value, "low": self.low, "high": self.high}
