"""Reads the pixels of an ROI from its files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_wa.data.cropping import cut_roi
from keras_wa.data.dataset import Roi
from keras_wa.data.io import (
    Box,
    GreyImage,
    cut_mask,
    mask_box,
    open_image,
    scale_box,
)
from keras_wa.data.options import ReadOptions
from keras_wa.data.readers.cbis_ddsm.image_cache import RecentImages
from keras_wa.data.readers.cbis_ddsm.layouts import is_jpeg
from keras_wa.data.readers.cbis_ddsm.matching import Files
from keras_wa.data.readers.cbis_ddsm.parts import (
    MASK_DESCRIPTION,
    are_swapped,
    has_many_values,
    has_two_values,
    read_header,
    without_jpeg_noise,
)
from keras_wa.data.readers.cbis_ddsm.stated_spacing import ASSUMED_MM
from keras_wa.errors import UserError

# A mask and its mammogram may differ in size: known ones differ by 15 % in size and
# 1 % in shape. A crop in place of a mask differs by more.
_GREATEST_SCALE = 2.0
_GREATEST_STRETCH = 1.1


class RoiReader:
    """Reads ROIs from the files of each `roi_id`; thread-safe.

    Mammograms in `repeated` have several ROIs and are cached.
    """

    def __init__(
        self,
        root: Path,
        options: ReadOptions,
        files: Mapping[str, Files],
        repeated: Iterable[str],
    ) -> None:
        self._root = root
        self._options = options
        self._files = files
        self._repeated = frozenset(repeated)
        self._recent = RecentImages(self._open_grey)

    def __call__(self, row: pd.Series) -> Roi:
        """Reads the ROI of a row of the case table, see `Dataset.read`."""
        if self._options.crop == "official":
            return self._official(str(row["roi_id"]))
        return self._around_lesion(str(row["roi_id"]))[0]

    def read_mask(self, row: pd.Series) -> NDArray[np.bool_]:
        """Reads the lesion's mask of a row, see `Dataset.read_mask`."""
        if self._options.crop == "official":
            raise UserError(
                f"{row['roi_id']}: its mask cannot be aligned with the official crop, "
                "whose position in the mammogram is unknown. Received: crop "
                "'official'; expected 'fixed' or 'roi'."
            )
        roi, marked, shape = self._around_lesion(str(row["roi_id"]))
        return cut_mask(marked, shape, Box(*roi.facts["window"]))

    def _official(self, roi_id: str) -> Roi:
        files = self._files[roi_id]
        crop, mask = files.crop, files.mask
        swapped = files.swapped
        if crop is None:
            raise _absent(roi_id, "crop")
        if mask is not None and are_swapped(
            read_header(self._root / crop), read_header(self._root / mask)
        ):
            crop, mask = mask, crop
            swapped = not swapped
        image, error = self._open_either(crop)
        # Pixels have priority over a header that calls a mask a crop.
        if has_two_values(_stored(image, crop)):
            if mask is None:
                raise _absent(roi_id, "crop")
            other, its_error = self._open_either(mask)
            if not has_two_values(_stored(other, mask)):
                crop, image, error = mask, other, its_error
                swapped = not swapped
        if error is not None:
            raise error
        roi = self._cut(image, crop)
        del roi.facts["window"]  # In the crop, not in the mammogram.
        roi.facts["swapped"] = swapped and files.follows_list
        return roi

    def _around_lesion(self, roi_id: str) -> tuple[Roi, NDArray, tuple[int, int]]:
        """Returns the ROI, and the values of its mask and the mammogram's shape."""
        files = self._files[roi_id]
        if files.full is None:
            raise _absent(roi_id, "mammogram")
        repeated = files.full in self._repeated
        image = (self._recent if repeated else self._open_grey)(files.full)
        path, digest, marked, box = self._lesion(roi_id, files, image.shape)
        roi = self._cut(image, files.full, box)
        roi.facts["sources"][path] = digest
        roi.facts["swapped"] = files.follows_list and files.swapped != (
            path == files.crop
        )
        roi.facts["mask_resized"] = marked.shape != image.shape
        return roi, marked, image.shape

    def _cut(self, image: GreyImage, path: str, box: Box | None = None) -> Roi:
        roi = cut_roi(
            Path(), path, self._options, box, default_spacing_mm=ASSUMED_MM, image=image
        )
        roi.facts["padding"] = round(roi.facts["padding"], 6)
        roi.facts["size_mm"] = [round(side, 3) for side in roi.facts["size_mm"]]
        return roi

    def _lesion(
        self, roi_id: str, files: Files, shape: tuple[int, int]
    ) -> tuple[str, str, NDArray, Box]:
        """Finds the mask of the two files. Returns its path, digest and values, and the
        lesion's box in the mammogram."""
        failures: list[tuple[int, UserError]] = []
        for path in (files.mask, files.crop):
            if path is None:
                continue
            image = None
            try:
                image = self._open(path)
                stored = _stored(image, path)
                if has_many_values(stored):
                    # Without the exact count, which takes long: with swapped files
                    # this is not an error but leads to the mask.
                    raise UserError(
                        f"{path}: no mask. Received: more than two different values; "
                        "expected two, background and lesion."
                    )
                box = mask_box(stored, path)
                box = _scaled(box, image.shape, shape, path)
                return path, image.digest, stored, box
            except UserError as error:
                failures.append((_rank(image), error))
        if not failures:
            raise _absent(roi_id, "mask")
        raise min(failures, key=lambda failure: failure[0])[1]

    def _open_grey(self, path: str) -> GreyImage:
        """Opens an image that is not a mask, with its grey levels."""
        return self._open(path, self._options.bits_stored)

    def _open_either(self, path: str) -> tuple[GreyImage, UserError | None]:
        """Opens a possible mask, whose values may have more bits than a crop's. Returns
        it with the error if it is not a mask."""
        try:
            return self._open_grey(path), None
        except UserError as error:
            return self._open(path), error

    def _open(self, path: str, bits_stored: int | None = None) -> GreyImage:
        for_processing = self._options.for_processing
        try:
            return open_image(self._root / path, for_processing, bits_stored)
        except UserError as error:
            relative = str(error).replace(f"{self._root}{os.sep}", "")
            raise UserError(relative) from error


def _rank(image: GreyImage | None) -> int:
    """Ranks the errors if neither file is a mask; the lowest rank is reported.

    First a blank mask, then a damaged file, then a described mask, last a crop.
    """
    if image is None:
        return 1
    if image.stored.min() == image.stored.max():
        return 0
    return 2 if image.description.strip().lower() == MASK_DESCRIPTION else 3


def _stored(image: GreyImage, path: str) -> NDArray:
    """Returns the values of a possible mask."""
    return without_jpeg_noise(image.stored) if is_jpeg(path) else image.stored


def _scaled(box: Box, old: tuple[int, int], new: tuple[int, int], name: str) -> Box:
    """Scales a box to an image of another size, to the nearest pixels."""
    if old == new:
        return box
    rows, columns = new[0] / old[0], new[1] / old[1]
    if not (
        1 / _GREATEST_SCALE <= rows <= _GREATEST_SCALE
        and 1 / _GREATEST_STRETCH <= rows / columns <= _GREATEST_STRETCH
    ):
        raise UserError(
            f"{name}: the mask is not one of its mammogram. Received: {old[0]} by "
            f"{old[1]} pixels; expected {new[0]} by {new[1]}, or about its shape."
        )
    return scale_box(box, old, new)


def _absent(roi_id: str, part: str) -> UserError:
    return UserError(
        f"{roi_id}: its {part} is missing. Expected: the file in the data set's "
        "folder; `keras_wa.data.download` fetches it."
    )
