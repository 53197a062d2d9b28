"""Finds lesion-free squares of real tissue."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from keras_wa.data.cropping import choose_spacing, without_spacing
from keras_wa.data.io import GreyImage, kinds_of, open_image
from keras_wa.detection import SpotCluster, breast_mask, find_candidates
from keras_wa.detection.spots import RIM_MM
from keras_wa.errors import UserError
from keras_wa.files import walk_files
from keras_wa.phantom import PhantomSpec

SQUARES_STREAM = 7
"""First word of a seed sequence, unlike those of the phantom."""
# An image of at most this many fields is a patch of tissue without air.
_PATCH = 1.1
# Distance of a square from the skin line and the image's edge, mm, which are bright.
_RIM_MM = 2.0
# Step of the grid of squares, as a fraction of their side.
_STEP = 1 / 8
# Largest relative difference of row and column spacing of square pixels.
_SAME = 0.01

Progress = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class LesionFreeTissue:
    """Where one image has lesion-free tissue.

    `disjoint` and `others` are tops and lefts, int `(n, 2)`, of squares of `side`
    pixels; the others overlap the disjoint ones. `name` is relative, posix.
    """

    name: str
    side: int
    pixel_mm: float
    disjoint: NDArray[np.int64]
    others: NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Backgrounds:
    """The lesion-free tissue in a folder.

    `notes` has a sentence for each image that was left out, has candidates for lesions,
    or has notes from its reader.
    """

    root: Path
    tissues: Sequence[LesionFreeTissue]
    notes: Sequence[str]

    @property
    def n_disjoint(self) -> int:
        """Number of squares without overlap."""
        return sum(len(each.disjoint) for each in self.tissues)


def find_backgrounds(
    root: Path,
    spec: PhantomSpec,
    pixel_spacing: float | None = None,
    progress: Progress | None = None,
) -> Backgrounds:
    """Finds lesion-free squares of side `spec.field_mm`.

    An image about as wide as the field is used as a whole. In a larger one, squares are
    searched in the breast, 2 mm from the skin line and the image's edges. Squares that
    overlap a candidate cluster of calcifications (`find_candidates`) are left out, and
    so are images that are smaller than the field, coarser than the ROI, a copy of
    another file, or unreadable. Masses are not detected.

    Args:
        root: folder of images, with subfolders.
        spec: the phantom set; `seed`, `size` and `field_mm` are used.
        pixel_spacing: pixel spacing of files without one, mm.
        progress: called with (number of an image, all) before each image.

    Raises:
        UserError: the folder cannot be listed, the pixel spacing of an image is
            unknown, or no square is left.
    """
    kinds = kinds_of(root, walk_files(root))
    names = [name for name, kind in kinds.items() if kind in ("dicom", "plain")]
    tissues: list[LesionFreeTissue] = []
    notes: list[str] = []
    seen: dict[str, str] = {}
    for number, name in enumerate(names, start=1):
        if progress is not None:
            progress(number, len(names))
        try:
            image = open_image(root / name)
        except UserError as error:
            notes.append(str(error))
            continue
        notes += [f"{root / name}: {note}" for note in image.notes]
        first = seen.setdefault(image.digest, name)
        if first != name:
            notes.append(f"{root / name}: left out, a copy of {first}.")
            continue
        pixel_mm, fault = _pixel_mm(root / name, image, pixel_spacing, spec)
        if fault:
            notes.append(f"{root / name}: left out, {fault}")
            continue
        rng = np.random.default_rng([SQUARES_STREAM, spec.seed, number])
        tissue, clusters = _search(name, image.grey(), pixel_mm, spec.field_mm, rng)
        if clusters:
            places = "; ".join(
                ", ".join(f"{at * pixel_mm:.1f}" for at in each.centre)
                for each in clusters
            )
            notes.append(
                f"{root / name}: {len(clusters)} candidate(s) for a lesion; squares "
                f"that meet them are left out. At x, y in mm: {places}."
            )
        if len(tissue.disjoint):
            tissues.append(tissue)
        else:
            notes.append(f"{root / name}: left out, no square of the field is free.")
    if not tissues:
        found = f"; the first: {notes[0]}" if notes else ""
        raise UserError(
            f"{root}: no lesion-free square of {spec.field_mm:g} mm is left. Received: "
            f"{len(names)} images{found} Expected: images at least as wide as "
            "`field_mm`, of normal tissue."
        )
    return Backgrounds(root, tissues, notes)


def _pixel_mm(
    path: Path, image: GreyImage, assumed: float | None, spec: PhantomSpec
) -> tuple[float, str]:
    """Returns the side of a pixel, mm, and why the image cannot be used, or `""`."""
    spacing, _ = choose_spacing(image, (assumed, "option"))
    if spacing is None:
        raise UserError(
            f"{path}: pixel spacing. Received: {without_spacing(image)}; expected one, "
            f"to cut {spec.field_mm:g} mm. Give `pixel_spacing`."
        )
    rows_mm, columns_mm = spacing
    side = round(spec.field_mm / rows_mm)
    if abs(rows_mm - columns_mm) > _SAME * rows_mm:
        return 0, f"pixels of {rows_mm:g} by {columns_mm:g} mm; expected square ones."
    if side < spec.size:
        return 0, (
            f"too coarse: {rows_mm:g} mm per pixel; expected at most that of the ROI, "
            f"{spec.pixel_mm:.3g} mm (`field_mm` over `size`)."
        )
    if min(image.shape) < side:
        rows, columns = image.shape
        return 0, (
            f"smaller than the field: {rows} by {columns} pixels; expected {side} by "
            f"{side} at least for {spec.field_mm:g} mm."
        )
    return rows_mm, ""


def _search(
    name: str,
    grey: NDArray[np.uint8],
    pixel_mm: float,
    field_mm: float,
    rng: np.random.Generator,
) -> tuple[LesionFreeTissue, list[SpotCluster]]:
    """The free squares of an image, and the candidates for a lesion in it."""
    side = round(field_mm / pixel_mm)
    rows, columns = grey.shape
    if max(grey.shape) <= _PATCH * side:
        inside = np.ones(grey.shape, bool)
        clusters = _candidates_in_patch(grey, pixel_mm)
        tops, lefts = (np.array([(length - side) // 2]) for length in grey.shape)
        step = side
    else:
        mask = breast_mask(grey)
        clusters = find_candidates(grey, pixel_mm, most_clusters=None, mask=mask)
        around = np.pad(mask.astype(np.uint8), 1)
        depth = cv2.distanceTransform(around, cv2.DIST_L2, 5)[1:-1, 1:-1]
        inside = depth * pixel_mm > _RIM_MM
        step = max(1, round(_STEP * side))
        tops, lefts = (
            np.arange(rng.integers(0, min(step, length - side + 1)), length, step)
            for length in grey.shape
        )
        tops, lefts = tops[tops <= rows - side], lefts[lefts <= columns - side]
    for each in clusters:
        left, top, right, bottom = each.box
        inside[top:bottom, left:right] = False
    free = _free(inside, tops, lefts, side)
    chosen = _pack(free, -(-side // step))
    disjoint, others = (
        rng.permutation(np.stack([tops[i], lefts[j]], axis=1))
        for i, j in (np.nonzero(chosen), np.nonzero(free & ~chosen))
    )
    return LesionFreeTissue(name, side, pixel_mm, disjoint, others), clusters


def _candidates_in_patch(grey: NDArray[np.uint8], pixel_mm: float) -> list[SpotCluster]:
    """Candidates for a lesion anywhere in a patch of tissue, up to its edges."""
    # Mirrored tissue takes the place of the rim that is not searched.
    rim = math.ceil(RIM_MM / pixel_mm)
    wide = np.pad(grey, rim, mode="reflect")
    everywhere = np.ones(wide.shape, bool)
    return [
        dataclasses.replace(
            each,
            box=(
                max(each.box[0] - rim, 0),
                max(each.box[1] - rim, 0),
                min(each.box[2] - rim, grey.shape[1]),
                min(each.box[3] - rim, grey.shape[0]),
            ),
        )
        for each in find_candidates(wide, pixel_mm, most_clusters=None, mask=everywhere)
    ]


def _free(
    inside: NDArray[np.bool_],
    tops: NDArray[np.int64],
    lefts: NDArray[np.int64],
    side: int,
) -> NDArray[np.bool_]:
    """Returns which squares of a grid lie inside, `(len(tops), len(lefts))`."""
    outside = cv2.integral((~inside).astype(np.uint8))
    above, below = outside[tops], outside[tops + side]
    count = below[:, lefts + side] - below[:, lefts]
    return np.asarray(count == above[:, lefts + side] - above[:, lefts])


def _pack(free: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """Chooses positions of a grid, at least `reach` steps apart along an axis."""
    free = free.copy()
    chosen = np.zeros_like(free)
    while free.any():
        i, j = np.unravel_index(free.argmax(), free.shape)
        chosen[i, j] = True
        free[max(i - reach + 1, 0) : i + reach, max(j - reach + 1, 0) : j + reach] = 0
    return chosen
