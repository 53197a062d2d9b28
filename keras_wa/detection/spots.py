"""Small bright spots in a mammogram, such as microcalcifications.

Blobs of several scales are found by differences of Gaussians, in units of the local
noise, since film grain, detector noise and texture vary over the image.

Sources: Netsch & Peitgen 1999, doi:10.1109/42.802755 (scale space for
microcalcifications); Lindeberg 1998, doi:10.1023/A:1008045108935 (the scale of a blob
is that of the strongest normalised response); Veldkamp & Karssemeijer 2000,
doi:10.1109/42.875197 (contrast in units of the local noise); Lowe 2004,
doi:10.1023/B:VISI.0000029664.99615.94 (differences of Gaussians, rejection of edges).
"""

from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from keras_wa.detection.breast import check_image
from keras_wa.detection.specks import is_speck
from keras_wa.errors import UserError

GRID_MM = 0.1
"""Side of a pixel of the copy that is searched, mm. The smallest visible calcifications
measure 0.1 to 0.2 mm, about the blur of film and scanner; finer pixels add only
grain."""

LEAST_SPACING_MM, MOST_SPACING_MM = 0.005, 0.3
"""Range of the pixel spacing, mm. Microcalcifications vanish on coarser pixels."""

RIM_MM = 1.5
"""Width of the mask's rim that is not searched, mm: skin line and film edge are bright
and thin."""

_SIGMAS_MM = (0.1, 0.14, 0.2, 0.28, 0.4)
_RATIO = math.sqrt(2)
# The normalised response to a disk is strongest for a standard deviation of its radius
# over the root of 2.
_DIAMETER = 2 * math.sqrt(2)
# Size of the neighbourhood for the local noise, mm.
_NOISE_MM = 10.0
# Responses above this many standard deviations are signal, not noise.
_CLIP = 3.0
# Smallest local noise as a fraction of that of the breast, for flat areas such as
# saturated film.
_LEAST_NOISE = 0.4
# Largest ratio of the principal curvatures, and their scale relative to the spot's.
# Lines have a large ratio, also where they are uneven or cross.
_MOST_RATIO, _WIDER = 2.5, 1.25
# Spots closer than this many diameters of the larger are one: a coarse calcification
# has several maxima.
_APART = 0.7
# Largest number of spots; the strongest are kept.
_MOST_SPOTS = 5000


@dataclasses.dataclass(frozen=True)
class Spots:
    """`n` spots, the strongest first; each field is a float64 array `(n,)`.

    Attributes:
        x: column in the image, pixels; the centres of pixels are integers.
        y: row.
        diameter_mm: diameter of the disk with the strongest response at this scale.
        contrast: contrast-to-noise ratio: the response over its local standard
            deviation.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    diameter_mm: NDArray[np.float64]
    contrast: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.x)


def as_spacing(spacing_mm: float | tuple[float, float] | None) -> tuple[float, float]:
    """Returns the pixel spacing of rows and of columns, mm, from one number or both.

    Raises:
        UserError: it is None or out of range.
    """
    expected = (
        f"expected {LEAST_SPACING_MM} to {MOST_SPACING_MM} mm, one number or (rows, "
        "columns). Give the spacing of the scanner or detector."
    )
    if spacing_mm is None:
        raise UserError(
            "spacing_mm: the size of a calcification is unknown without the pixel "
            f"spacing, which the image does not state. Received: None; {expected}"
        )
    both = np.atleast_1d(np.asarray(spacing_mm, np.float64))
    good = (both >= LEAST_SPACING_MM) & (both <= MOST_SPACING_MM)
    if both.shape not in ((1,), (2,)) or not good.all():
        raise UserError(f"spacing_mm: Received: {spacing_mm!r}; {expected}")
    return float(both[0]), float(both[-1])


def grid_of(
    shape: tuple[int, int], spacing_mm: tuple[float, float]
) -> tuple[float, tuple[int, int]]:
    """Returns pixel side, mm, and (width, height) of the copy that is searched.

    The side is `GRID_MM`, or the larger spacing if that is more.
    """
    (height, width), (rows_mm, columns_mm) = shape, spacing_mm
    grid_mm = max(GRID_MM, rows_mm, columns_mm)
    return grid_mm, (
        max(1, round(width * columns_mm / grid_mm)),
        max(1, round(height * rows_mm / grid_mm)),
    )


def find_spots(
    image: NDArray,
    spacing_mm: float | tuple[float, float],
    mask: NDArray[np.bool_],
    least_contrast: float = 4.5,
    film: bool = True,
) -> Spots:
    """Finds small bright spots.

    The image is resampled to square pixels of `GRID_MM` by area averages (with larger
    pixels, to the larger spacing). At each of five scales the difference of two
    Gaussians is divided by the local noise: the root mean square of the clipped
    responses in the breast within `_NOISE_MM`. A spot is a maximum over position and
    scale with similar curvatures, unlike a line; of spots that touch, the strongest
    stays.

    Args:
        image: (H, W), bright calcifications, integers or floats in any unit: the
            contrast is a ratio.
        spacing_mm: between rows and between columns, mm.
        mask: bool (H, W), true in the breast; a rim of 1.5 mm is not searched.
        least_contrast: smallest contrast-to-noise ratio of a spot, above 0.
        film: whether to leave out spots too sharp for an X-ray image, such as dust and
            flaws on a scanned film (`keras_wa.detection.specks`).

    Returns:
        The spots in the mask, at most 5000.

    Raises:
        UserError: image and mask differ in shape, the image is not grey, the spacing is
            out of range, or the contrast is not above 0.
    """
    check_image(image)
    if mask.shape != image.shape:
        raise UserError(
            f"mask: the breast's mask. Received: shape={mask.shape}; expected that of "
            f"the image, {image.shape}."
        )
    if not least_contrast > 0:
        raise UserError(
            f"least_contrast: Received: {least_contrast}; expected above 0. Around 4.5 "
            "noise rarely gives a spot."
        )
    rows_mm, columns_mm = as_spacing(spacing_mm)
    height, width = image.shape
    grid_mm, size = grid_of((height, width), (rows_mm, columns_mm))
    values = image if image.dtype in (np.uint8, np.uint16) else image.astype(np.float32)
    grid = cv2.resize(values, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    inner = _inner(mask, size, grid_mm)
    if not inner.any():
        return Spots(*np.zeros((4, 0)))
    best, scale = _strongest(grid, inner, grid_mm)
    y, x = _maxima(best, inner, least_contrast)
    contrast, scale = best[y, x], scale[y, x]
    sigma = np.asarray(_SIGMAS_MM)[scale]
    round_ = _is_round(grid, y, x, _WIDER * sigma / grid_mm)
    order = np.flatnonzero(round_)
    order = order[np.argsort(-contrast[order], kind="stable")][:_MOST_SPOTS]
    columns = (x + 0.5) * (width / size[0]) - 0.5
    rows = (y + 0.5) * (height / size[1]) - 0.5
    if film:
        spacing = rows_mm, columns_mm
        order = order[~is_speck(image, spacing, columns[order], rows[order])]
    diameter = _DIAMETER * sigma
    places = np.stack([columns * columns_mm, rows * rows_mm], axis=1)
    order = order[_are_apart(places[order], diameter[order])]
    return Spots(
        x=columns[order],
        y=rows[order],
        diameter_mm=diameter[order],
        contrast=contrast[order].astype(np.float64),
    )


def _inner(mask: NDArray, size: tuple[int, int], grid_mm: float) -> NDArray[np.bool_]:
    """Returns the mask on the grid without its rim and the rim of the image."""
    small = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    padded = np.pad(small, 1)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
    return np.asarray(depth * grid_mm > RIM_MM)


def _strongest(
    grid: NDArray, inner: NDArray[np.bool_], grid_mm: float
) -> tuple[NDArray, NDArray]:
    """Returns the largest contrast-to-noise ratio at each pixel, and its scale."""
    best = np.full(grid.shape, -np.inf, np.float32)
    scale = np.zeros(grid.shape, np.uint8)
    weight = inner.astype(np.float32)
    side = 2 * round(_NOISE_MM / grid_mm / 2) + 1
    share = cv2.blur(weight, (side, side), borderType=cv2.BORDER_REFLECT)
    np.maximum(share, 1e-6, out=share)
    for index, sigma in enumerate(_SIGMAS_MM):
        response = _smooth(grid, sigma / grid_mm)
        response -= _smooth(grid, sigma * _RATIO / grid_mm)
        inside = response[inner]
        # 1.4826 converts a normal's median absolute deviation to standard deviation.
        spread = 1.4826 * float(np.median(np.abs(inside - np.median(inside))))
        if spread <= 0:
            spread = float(inside.std()) or 1.0
        square = np.clip(response, -_CLIP * spread, _CLIP * spread)
        square *= square
        square *= weight
        noise = cv2.blur(square, (side, side), borderType=cv2.BORDER_REFLECT)
        noise /= share
        np.sqrt(np.maximum(noise, 0), out=noise)
        np.maximum(noise, _LEAST_NOISE * spread, out=noise)
        response /= noise
        better = response > best
        best[better] = response[better]
        scale[better] = index
    return best, scale


def _smooth(image: NDArray, sigma: float) -> NDArray:
    return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)


def _maxima(
    best: NDArray, inner: NDArray[np.bool_], least: float
) -> tuple[NDArray, NDArray]:
    """Returns rows and columns of the maxima in their 5x5 neighbourhood."""
    top = cv2.dilate(best, np.ones((5, 5), np.uint8))
    rows, columns = np.nonzero((best == top) & (best >= least) & inner)
    return rows, columns


def _is_round(grid: NDArray, y: NDArray, x: NDArray, sigma: NDArray) -> NDArray:
    """Returns whether the principal curvatures at each point are similar."""
    found = np.zeros(len(y), bool)
    for each in np.unique(sigma):
        which = np.flatnonzero(sigma == each)
        smooth = np.pad(_smooth(grid, float(each)), 1, mode="reflect")
        r, c = y[which] + 1, x[which] + 1
        middle = 2 * smooth[r, c]
        down = smooth[r - 1, c] + smooth[r + 1, c] - middle
        across = smooth[r, c - 1] + smooth[r, c + 1] - middle
        mixed = smooth[r + 1, c + 1] + smooth[r - 1, c - 1]
        mixed = (mixed - smooth[r + 1, c - 1] - smooth[r - 1, c + 1]) / 4
        trace, determinant = down + across, down * across - mixed**2
        limit = (_MOST_RATIO + 1) ** 2 / _MOST_RATIO
        found[which] = (trace < 0) & (trace**2 < limit * determinant)
    return found


def _are_apart(places: NDArray, diameter: NDArray) -> NDArray[np.bool_]:
    """Returns which spots, strongest first, touch no stronger one that stays (mm)."""
    stays = np.ones(len(places), bool)
    if len(places) < 2:
        return stays
    reach = _APART * float(diameter.max())
    for strong, weak in sorted(cKDTree(places).query_pairs(reach)):
        away = math.dist(places[strong], places[weak])
        if stays[strong] and away < _APART * max(diameter[strong], diameter[weak]):
            stays[weak] = False
    return stays
