"""What a user may ask of a dataset's reader."""

from __future__ import annotations

import dataclasses

from keras_wa.data.io.spacing import CREDIBLE_MM
from keras_wa.errors import unknown_name
from keras_wa.ranges import check_ranges, real, whole

LESIONS = ("calcification", "mass", "all")
"""The lesion types that can be asked for."""

CROPS = ("fixed", "roi", "official")
"""The ways to cut an ROI out of a mammogram."""


@dataclasses.dataclass(frozen=True)
class ReadOptions:
    """How a dataset of mammograms is read.

    Attributes:
        lesion: `calcification`, `mass` or `all`, where the dataset has several types.
        crop: `fixed`: a field of view of `field_mm`, centred on the lesion, the same
            for all; `roi`: the lesion's box with a margin, which tells the lesion's
            size; `official`: the crops that the dataset ships.
        field_mm: side of the fixed field of view, mm.
        pixel_spacing: assumed where the files state none; `None` leaves it to the
            dataset's own default.
        drop_without_callback: leave out BENIGN_WITHOUT_CALLBACK.
        for_processing: accept DICOM images meant for processing.
        bits_stored: bits of the values in 16-bit images that are no DICOM, 1 to 16;
            `None` for all 16.
        case_lists: folder of the case lists, if they are not in the dataset's root.
        require_files: whether ROIs whose files are absent are left out; an audit of the
            metadata alone needs none.
        patients_apart: whether a patient in two parts of the split is an error; an
            audit reports it instead.

    Raises:
        UserError: a value is out of its range.
    """

    lesion: str = "calcification"
    crop: str = "fixed"
    field_mm: float = real(25.6, 1, 500)
    pixel_spacing: float | None = real(None, *CREDIBLE_MM)
    drop_without_callback: bool = False
    for_processing: bool = False
    bits_stored: int | None = whole(None, 1, 16)
    case_lists: str | None = None
    require_files: bool = True
    patients_apart: bool = True

    def __post_init__(self) -> None:
        for field, choices in (("lesion", LESIONS), ("crop", CROPS)):
            if getattr(self, field) not in choices:
                raise unknown_name(f"`{field}`", getattr(self, field), choices)
        check_ranges(self)
