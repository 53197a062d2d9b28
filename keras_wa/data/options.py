"""Options of the readers of data sets."""

from __future__ import annotations

import dataclasses

from keras_wa.data.io.spacing import CREDIBLE_MM
from keras_wa.settings import Settings, real, setting, whole

LESIONS = ("calcification", "mass", "all")
"""The values of `lesion`."""

CROPS = ("fixed", "roi", "official")
"""The values of `crop`."""


@dataclasses.dataclass(frozen=True)
class ReadOptions(Settings):
    """Options for reading a data set of mammograms.

    Attributes:
        lesion: lesion type to read: `"calcification"`, `"mass"` or `"all"`.
        crop: `"fixed"`: a field of view of `field_mm` centred on the lesion; `"roi"`:
            the lesion's box with a margin, from which a network can infer the lesion's
            size; `"official"`: the data set's own crops.
        field_mm: side of the fixed field of view, mm, 1 to 500.
        pixel_spacing: mm, for files without one; None for the data set's default.
        drop_without_callback: whether to leave out BENIGN_WITHOUT_CALLBACK.
        for_processing: whether to accept DICOM images FOR PROCESSING.
        bits_stored: bits of the values in 16-bit images other than DICOM, 1 to 16; None
            for 16.
        case_lists: folder of the case lists, if not the data set's root.
        require_files: whether to leave out ROIs without files.
        patients_apart: whether a patient in two parts of the split is an error.

    Raises:
        UserError: a value is out of range.

    Example:
        >>> from keras_wa.data import ReadOptions
        >>> options = ReadOptions(crop="fixed", field_mm=51.2)
        >>> options.lesion
        'calcification'
    """

    lesion: str = setting("calcification", choices=LESIONS)
    crop: str = setting("fixed", choices=CROPS)
    field_mm: float = real(25.6, 1, 500)
    pixel_spacing: float | None = real(None, *CREDIBLE_MM)
    drop_without_callback: bool = False
    for_processing: bool = False
    bits_stored: int | None = whole(None, 1, 16)
    case_lists: str | None = None
    require_files: bool = True
    patients_apart: bool = True
