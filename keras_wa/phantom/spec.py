"""What a phantom set is made of: one frozen, picklable description."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from keras_wa.errors import UserError, unknown_name

Labelling = Literal["descriptor", "clinical"]
"""`descriptor`: the type decides. `clinical`: drawn from P(malignant | type, ...)."""


@dataclasses.dataclass(frozen=True)
class PhantomSpec:
    """Describes an in-silico set of ROIs.

    The pixels and the case table follow from this alone: the same spec gives the same
    bytes, run after run.

    Attributes:
        seed: a whole number ≥ 0.
        size: side of the square ROI, pixels (≥ 32).
        field_mm: side of the field of view, mm, 3 to 100, and at most 0.3 mm a pixel,
            above which microcalcifications vanish. The default with `size=224` gives
            0.114 mm a pixel.
        labelling: `"descriptor"`: malignant if a component of the type is suspicious
            by BI-RADS, so that the best possible AUC is 1; `"clinical"`: drawn from
            P(malignant | type, distribution) of the official case lists.
        conspicuity: factor on the contrast of the calcifications over the tissue; 1
            is like the real ones.

    Raises:
        UserError: if a field is out of its range.
    """

    seed: int = 0
    size: int = 224
    field_mm: float = 25.6
    labelling: Labelling = "descriptor"
    conspicuity: float = 1.0

    def __post_init__(self) -> None:
        if self.labelling not in get_args(Labelling):
            raise unknown_name("phantom labelling", self.labelling, get_args(Labelling))
        self._check("seed", self.seed >= 0, "a whole number of at least 0")
        self._check("size", self.size >= 32, "at least 32 pixels")
        self._check("field_mm", 3 <= self.field_mm <= 100, "between 3 and 100 mm")
        self._check(
            "field_mm",
            self.pixel_mm <= 0.3,
            f"at most {0.3 * self.size:g} mm (0.3 mm a pixel)",
        )
        self._check("conspicuity", 0 < self.conspicuity <= 10, "above 0, at most 10")

    def _check(self, field: str, ok: bool, expected: str) -> None:
        if not ok:
            raise UserError(
                f"Phantom {field} must be {expected}. "
                f"Received: {field}={getattr(self, field)!r}"
            )

    @property
    def pixel_mm(self) -> float:
        """Side of a pixel, mm."""
        return self.field_mm / self.size
