"""The result of a model for one ROI, and the model."""

from __future__ import annotations

import dataclasses

from keras_wa.errors import UserError
from keras_wa.metrics.prediction_sets import SET_NAMES

_LONGEST = 64
"""Characters of a long string, LO (PS3.5, 6.2)."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """The result of a model for one ROI.

    `box` is left, top, right, bottom in pixels of the source image; right and bottom
    are exclusive. `low` and `high` are the smallest and largest probability over copies
    of the ROI, both or none. `prediction_set` is one of `SET_NAMES` or, if unknown,
    `""`, and `coverage` its guaranteed coverage, None without a guarantee. Numbers out
    of range, or that contradict each other, raise a `UserError`.
    """

    box: tuple[int, int, int, int]
    probability: float
    low: float | None = None
    high: float | None = None
    decision: bool | None = None
    threshold: float | None = None
    prediction_set: str = ""
    coverage: float | None = None
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        left, top, right, bottom = self.box
        if not (0 <= left < right and 0 <= top < bottom):
            raise _unfit("box", self.box, "0 <= left < right and 0 <= top < bottom")
        for name in ("probability", "low", "high", "threshold", "coverage"):
            value = getattr(self, name)
            # NaN fails this comparison too.
            if value is not None and not 0 <= value <= 1:
                raise _unfit(name, value, "a number from 0 to 1")
        if (self.low is None) != (self.high is None):
            raise _unfit("low and high", (self.low, self.high), "both or none")
        if self.low is not None and self.high is not None:
            self._check_range(self.low, self.high)
        if self.prediction_set not in (*SET_NAMES, ""):
            expected = f"{', '.join(SET_NAMES)} or empty"
            raise _unfit("prediction_set", self.prediction_set, expected)
        if self.decision is not None and self.threshold is not None:
            self._check_decision(self.threshold)

    def _check_range(self, low: float, high: float) -> None:
        if not low <= self.probability <= high:
            raise _unfit(
                "low, probability and high",
                (low, self.probability, high),
                "a range that holds the probability",
            )

    def _check_decision(self, threshold: float) -> None:
        reached = self.probability >= threshold
        if self.decision != reached:
            raise _unfit(
                "decision",
                self.decision,
                f"{reached}: the probability is {self.probability} and the threshold "
                f"{threshold}",
            )


@dataclasses.dataclass(frozen=True)
class Algorithm:
    """The program of a result; its version may have the digest of the weights.

    A text that is empty, longer than 64 characters (the description: 1024), or with a
    backslash or a control character, which DICOM does not allow, raises a `UserError`.
    """

    name: str
    version: str
    maker: str
    description: str = "Research software. Not a medical device."

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            text = getattr(self, field.name)
            longest = 1024 if field.name == "description" else _LONGEST
            fits = len(text.strip()) > 0 and len(text) <= longest
            if not (fits and text.isprintable() and "\\" not in text):
                raise UserError(
                    f"Algorithm: {field.name}. Received: {text!r}; expected 1 to "
                    f"{longest} printable characters without a backslash."
                )


def _unfit(field: str, found: object, expected: str) -> UserError:
    return UserError(f"Finding: {field}. Received: {found}; expected {expected}.")
