"""Reads the pixels of an ROI from its files."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_wa.data.cropping import choose_spacing
from keras_wa.data.dataset import Roi
from keras_wa.data.io import (
    Box,
    GreyImage,
    cut,
    cut_mask,
    mask_box,
    open_image,
    scale_box,
    window_of,
)
from keras_wa.data.options import ReadOptions
from keras_wa.data.readers.cbis_ddsm.image_cache import RecentImages
from keras_wa.data.readers.cbis_ddsm.layouts import is_jpeg
from keras_wa.data.readers.cbis_ddsm.matching import Files
from keras_wa.data.readers.cbis_ddsm.parts import (
    MASK_DESCRIPTION,
    are_swapped,
    has_two_values,
    read_header,
    shows_many_values,
    without_jpeg_noise,
)
from keras_wa.data.readers.cbis_ddsm.stated_spacing import ASSUMED_MM
from keras_wa.errors import UserError

# A mask may have another size than its mammogram: known ones differ by 15 % in size and
# 1 % in shape. A crop in place of a mask differs by more.
_GREATEST_SCALE = 2.0
_GREATEST_STRETCH = 1.1


class RoiReader:
    """Reads ROIs; thread-safe.

    Args:
        root: the folder of the copy.
        options: crop and assumptions.
        files: files of each ROI, by its `roi_id`.
        repeated: mammograms with several ROIs, relative to the root, which are
            cached.
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
        """Reads the ROI of a row of the case table.

        Args:
            row: with `roi_id`.

        Returns:
            Its pixels at the resolution of the files, and its facts.

        Raises:
            UserError: a file is absent or bad, or neither of the two possible masks
                has a lesion.
        """
        files = self._files[row["roi_id"]]
        if self._options.crop == "official":
            return self._official(str(row["roi_id"]), files)
        return self._cut_out(str(row["roi_id"]), files)

    def read_mask(self, row: pd.Series) -> NDArray[np.bool_]:
        """Reads the lesion's mask in the window of the ROI of a row.

        Args:
            row: with `roi_id`.

        Returns:
            bool, aligned with the ROI, true in the lesion.

        Raises:
            UserError: the ROI cannot be read, or is an official crop, whose position in
                the mammogram is not recorded.
        """
        roi_id = str(row["roi_id"])
        if self._options.crop == "official":
            raise UserError(
                f"{roi_id}: its mask cannot be laid on the official crop, since no "
                "file says where in the mammogram the crop lies. Received: crop "
                "'official'; expected 'fixed' or 'roi'."
            )
        place = self._place(roi_id, self._files[roi_id])
        return cut_mask(place.marked, place.image.shape, place.window)

    def _official(self, roi_id: str, files: Files) -> Roi:
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
        pixels = image.grey()
        spacing, origin = self._spacing(image)
        return Roi(
            pixels,
            {
                "sources": {crop: image.digest},
                **_notes(image),
                **_lengths(pixels.shape, spacing, origin),
                "padding": 0.0,
                "swapped": swapped and files.follows_list,
            },
        )

    def _cut_out(self, roi_id: str, files: Files) -> Roi:
        place = self._place(roi_id, files)
        image, path, window = place.image, place.path, place.window
        try:
            pixels, padding = cut(image, window)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
        return Roi(
            pixels,
            {
                "sources": {str(files.full): image.digest, path: place.digest},
                **_notes(image),
                **_lengths(pixels.shape, place.spacing_mm, place.spacing_from),
                "window": [window.left, window.top, window.width, window.height],
                "padding": round(padding, 6),
                "swapped": files.follows_list and files.swapped != (path == files.crop),
                "mask_resized": place.marked.shape != image.shape,
            },
        )

    def _place(self, roi_id: str, files: Files) -> _Place:
        """Returns the position of an ROI in its mammogram."""
        if files.full is None:
            raise _absent(roi_id, "mammogram")
        image = self._full(files.full)
        path, digest, marked, box = self._lesion(roi_id, files, image.shape)
        spacing, origin = self._spacing(image)
        window = window_of(box, self._options.crop, self._options.field_mm, spacing)
        return _Place(image, path, digest, marked, window, spacing, origin)

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
                if shows_many_values(stored):
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

    def _full(self, path: str) -> GreyImage:
        return self._recent(path) if path in self._repeated else self._open_grey(path)

    def _spacing(self, image: GreyImage) -> tuple[tuple[float, float], str]:
        given = self._options.pixel_spacing
        stated, origin = choose_spacing(image, (given, "option"))
        return stated or (ASSUMED_MM, ASSUMED_MM), origin or "assumed"

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


@dataclasses.dataclass(frozen=True)
class _Place:
    """Position of an ROI: the mammogram, the mask with its file, the window."""

    image: GreyImage
    path: str
    digest: str
    marked: NDArray
    window: Box
    spacing_mm: tuple[float, float]
    spacing_from: str


def _rank(image: GreyImage | None) -> int:
    """Ranks the errors if neither file is a mask; the lowest rank is reported.

    First a blank mask, then a damaged file, then a file with the description of a mask,
    last a crop.
    """
    if image is None:
        return 1
    if image.stored.min() == image.stored.max():
        return 0
    return 2 if image.description.strip().lower() == MASK_DESCRIPTION else 3


def _stored(image: GreyImage, path: str) -> NDArray:
    """Returns the values of a possible mask."""
    return without_jpeg_noise(image.stored) if is_jpeg(path) else image.stored


def _notes(image: GreyImage) -> dict[str, Any]:
    return {"notes": list(image.notes)} if image.notes else {}


def _lengths(
    shape: tuple[int, ...], spacing: tuple[float, float], origin: str
) -> dict[str, Any]:
    return {
        "pixel_spacing_mm": spacing[0],
        "spacing_from": origin,
        "size_mm": [
            round(count * mm, 3) for count, mm in zip(shape, spacing, strict=True)
        ],
    }


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
        f"{roi_id}: its {part} is not there. Expected: the file in the data set's "
        "folder; `keras_wa.data.download` fetches it."
    )
