"""What a phantom set is made of: one frozen, picklable description."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from keras_wa.errors import UserError, unknown_name
from keras_wa.ranges import check_ranges, real, whole

PHANTOM_VERSION = 2
"""How the pixels are drawn. 2: measured against film (docs/phantom-validity.md); 1 was
grainier, with bolder calcifications. Runs on different versions do not compare."""

Labelling = Literal["descriptor", "clinical"]
"""`descriptor`: the type decides. `clinical`: drawn from P(malignant | type, ...)."""


@dataclasses.dataclass(frozen=True)
class PhantomSpec:
    """Describes an in-silico set of ROIs.

    The pixels and the case table follow from this alone: the same spec gives the same
    bytes, run after run.

    Attributes:
        seed: a whole number, 0 to 2^32 - 1.
        size: side of the square ROI, pixels, 32 to 4096.
        field_mm: side of the field of view, mm, 3 to 100, and at most 0.3 mm a pixel,
            above which microcalcifications vanish. The default with `size=224` gives
            0.114 mm a pixel.
        labelling: `"descriptor"`: malignant if a component of the type is suspicious
            by BI-RADS, so that the best possible AUC is 1; `"clinical"`: drawn from
            P(malignant | type, distribution) of the official case lists.
        conspicuity: factor on the contrast of the calcifications over the tissue; 1
            is as measured on film.
        blur_mm: standard deviation of the blur of film and scanner, mm, 0 to 1; by
            default each patient has one of 0.035 to 0.065.

    Raises:
        UserError: if a field is out of its range.
    """

    seed: int = whole(0, 0, 2**32 - 1)
    size: int = whole(224, 32, 4096)
    field_mm: float = real(25.6, 3, 100)
    labelling: Labelling = "descriptor"
    conspicuity: float = real(1.0, 0, 10, above=True)
    blur_mm: float | None = real(None, 0, 1)

    def __post_init__(self) -> None:
        if self.labelling not in get_args(Labelling):
            raise unknown_name("phantom labelling", self.labelling, get_args(Labelling))
        check_ranges(self)
        if self.pixel_mm > 0.3:
            raise UserError(
                f"`field_mm` must be at most {0.3 * self.size:g} mm (0.3 mm a "
                f"pixel). Received: {self.field_mm!r}"
            )

    @property
    def pixel_mm(self) -> float:
        """Side of a pixel, mm."""
        return self.field_mm / self.size
