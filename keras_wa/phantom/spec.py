"""The specification of a phantom set."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from keras_wa.errors import UserError
from keras_wa.settings import Settings, real, setting, whole

PHANTOM_VERSION = 2
"""Version of the rendering. 2 is fitted to film (docs/phantom-validity.md); 1 was
grainier, with bolder calcifications. Runs on different versions are not comparable."""

Labelling = Literal["descriptor", "clinical"]
"""`descriptor`: by type. `clinical`: drawn from P(malignant | type, distribution)."""


@dataclasses.dataclass(frozen=True)
class PhantomSpec(Settings):
    """Specification of a set of in-silico ROIs.

    It determines the case table and all pixels.

    Attributes:
        seed: seed, 0 to 2^32 - 1.
        size: side of the square ROI, pixels, 32 to 4096.
        field_mm: side of the field of view, mm, 3 to 100, at most 0.3 mm per pixel. The
            default with `size=224` gives 0.114 mm per pixel.
        labelling: `"descriptor"`: malignant if a component of the type is suspicious
            by BI-RADS, with a best possible AUC of 1; `"clinical"`: drawn from
            P(malignant | type, distribution) in the case lists of CBIS-DDSM.
        conspicuity: factor on the contrast of the calcifications, in (0, 10]; 1 is that
            of film.
        blur_mm: standard deviation of the blur of film and scanner, mm, 0 to 1; by
            default 0.035 to 0.065, drawn for each patient.
        projected_views: whether the ROIs of a lesion in CC and MLO are two projections
            of the same particles; else each has its own.

    Raises:
        UserError: a value is out of range.

    Example:
        >>> from keras_wa.phantom import PhantomSpec
        >>> spec = PhantomSpec(seed=1, size=128)
        >>> spec.pixel_mm
        0.2
    """

    seed: int = whole(0, 0, 2**32 - 1)
    size: int = whole(224, 32, 4096)
    field_mm: float = real(25.6, 3, 100)
    labelling: Labelling = setting("descriptor", choices=get_args(Labelling))
    conspicuity: float = real(1.0, 0, 10, above=True)
    blur_mm: float | None = real(None, 0, 1)
    projected_views: bool = setting(False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pixel_mm > 0.3:
            raise UserError(
                f"`field_mm` must be at most {0.3 * self.size:g} (0.3 mm per pixel). "
                f"Received: {self.field_mm!r}"
            )

    @property
    def pixel_mm(self) -> float:
        """Side of a pixel, mm."""
        return self.field_mm / self.size
