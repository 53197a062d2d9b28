"""Settings of a phantom tree, and the irregularities of each ROI's files."""

from __future__ import annotations

import dataclasses
from pathlib import PurePosixPath

from keras_wa.errors import UserError
from keras_wa.phantom import PhantomSpec
from keras_wa.phantom.film import named_rng
from keras_wa.settings import Settings, real, setting

FULL, CROP, MASK = "full mammogram images", "cropped images", "ROI mask images"
"""CBIS-DDSM's SeriesDescription of each part."""

# Rates of missing and wrong descriptions. Both are rarer in CBIS-DDSM; here a small
# tree should have some.
_UNDESCRIBED, _MISDESCRIBED = 0.05, 0.03
_SMALLER = 0.8
_FEW_PIXELS = 8
_LEAST_SIDE, _MOST_SIDE = 64, 20000
_STREAM = 22


@dataclasses.dataclass(frozen=True)
class TreeSettings(Settings):
    """Settings for the films of a tree; `write_phantom_tree` describes them."""

    spec: PhantomSpec
    image_shape: tuple[int, int] = (3000, 2000)
    # As assumed for CBIS-DDSM's scanners.
    pixel_mm: float = real(0.046, 0.02, 0.3)
    compress: str = setting("rle", choices=("rle", "none"))
    swapped: float = real(0.1, 0, 1)
    mismatched: float = real(0.05, 0, 1)
    names: str = setting("old", choices=("old", "new"))

    def __post_init__(self) -> None:
        super().__post_init__()
        if not all(_LEAST_SIDE <= side <= _MOST_SIDE for side in self.image_shape):
            raise UserError(
                f"`image_shape` must be two sides of {_LEAST_SIDE} to {_MOST_SIDE} "
                f"pixels. Received: {self.image_shape!r}"
            )

    def path(self, listed: str) -> str:
        """Returns the path of a listed file, relative to the root."""
        if self.names == "old":
            return listed
        return f"{listed.rpartition('/')[0]}/1-{number_of(listed) + 1}.dcm"


@dataclasses.dataclass(frozen=True)
class Quirks:
    """Irregularities of the files of an ROI, as they occur in CBIS-DDSM.

    Attributes:
        swapped: whether crop and mask are swapped.
        mask_shape: rows and columns of the mask.
        described: `right`, `missing` or `wrong` descriptions.
        crop, mask: SeriesDescription of each, `""` for none.
    """

    swapped: bool
    mask_shape: tuple[int, int]
    described: str
    crop: str
    mask: str


def quirks_of(roi_id: str, settings: TreeSettings) -> Quirks:
    """Draws the irregularities of an ROI, a function of its name and the settings."""
    rng = named_rng(_STREAM, settings.spec, roi_id)
    swapped = bool(rng.random() < settings.swapped)
    rows, columns = settings.image_shape
    if rng.random() < settings.mismatched:
        if rng.random() < 0.5:
            rows, columns = round(rows * _SMALLER), round(columns * _SMALLER)
        else:
            rows -= int(rng.integers(1, _FEW_PIXELS + 1))
            columns += int(rng.integers(1, _FEW_PIXELS + 1))
    described, crop, mask = "right", CROP, MASK
    chance = rng.random()
    if chance < _UNDESCRIBED:
        described, crop, mask = "missing", "", ""
    elif chance < _UNDESCRIBED + _MISDESCRIBED:
        described = "wrong"
        crop, mask = ((MASK, CROP), (MASK, MASK), (CROP, CROP))[int(rng.integers(3))]
    return Quirks(swapped, (rows, columns), described, crop, mask)


def describe_full(name: str, settings: TreeSettings) -> str:
    """Returns the SeriesDescription of a film, `""` for some."""
    rng = named_rng(_STREAM, settings.spec, name)
    return "" if rng.random() < _UNDESCRIBED else FULL


def number_of(listed: str) -> int:
    """Returns a file's number in its series: 0 for `000000.dcm` and `1-1.dcm`."""
    stem = PurePosixPath(listed).stem
    if stem.startswith("1-") and stem[2:].isdecimal():
        return int(stem[2:]) - 1
    return int(stem) if stem.isdecimal() else 0
