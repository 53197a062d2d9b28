"""The settings of a pretraining."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from keras_wa.data.pipeline.rois import Enhancement
from keras_wa.phantom.spec import PhantomSpec
from keras_wa.settings import Settings, real, same, setting, whole


@dataclasses.dataclass(frozen=True)
class Pretraining(Settings):
    """The settings of a pretraining.

    Raises:
        UserError: a value is out of its range.

    Example:
        >>> from keras_wa.training.pretraining_settings import Pretraining
        >>> Pretraining(image_size=64).steps
        2000
    """

    title: ClassVar[str] = "pretraining"

    model: str = setting("wa_resnet50", metavar="NAME", help="see keras-wa models")
    model_options: dict[str, Any] = setting(
        {},
        metavar="KEY=VALUE",
        help="option of the model, for example wavelet=db2; may be repeated",
    )
    image_size: int = whole(128, 32, 4096, help="side of the ROIs, pixels")
    field_mm: float = real(7.3, 3, 100, help="field of view of the ROIs, mm")
    conspicuity: float = same(
        PhantomSpec, "conspicuity", help="contrast of the calcifications; 1: as on film"
    )
    enhance: str = same(Enhancement, "kind", help="clahe, or none")
    steps: int = whole(2000, 1, help="training steps, in whole hundreds")
    batch_size: int = whole(32, 2, help="ROIs per step")
    learning_rate: float = real(
        1e-3, 0, 1, above=True, help="highest rate; it falls as a cosine"
    )
    seed: int = whole(0, 0, 2**32 - 1, help="seed of initial weights and ROIs")

    @property
    def spec(self) -> PhantomSpec:
        """The phantom that the ROIs are drawn from."""
        return PhantomSpec(
            self.seed,
            self.image_size,
            self.field_mm,
            conspicuity=self.conspicuity,
        )
