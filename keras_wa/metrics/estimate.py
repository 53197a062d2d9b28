"""A number with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Attributes:
        value: of the data itself; NaN where undefined.
        low: lower end of the interval; NaN where none can be given.
        high: upper end; NaN where none can be given.
        standard_error: of the value; NaN where unknown.
        n_dropped: bootstrap resamples in which the value was undefined (an AUC of one
            class only) and which the interval leaves out.

    Example:
        >>> str(Estimate(0.7412, 0.655, 0.8137))
        '0.741 [0.655, 0.814]'
    """

    value: float
    low: float
    high: float
    standard_error: float = math.nan
    n_dropped: int = 0

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "n/a"
        if math.isnan(self.low) or math.isnan(self.high):
            return f"{self.value:.3f}"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def to_record(self) -> dict[str, float]:
        """The estimate as `{value, low, high}`, NaN where undefined."""
        return {"value": self.value, "low": self.low, "high": self.high}
