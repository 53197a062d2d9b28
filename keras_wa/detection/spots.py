"""Small bright spots in a mammogram, as microcalcifications are.

Blobs of several scales stand out in differences of Gaussians; how much one stands out
is told in units of the noise around it, since the grain of a film, the noise of a
detector and the texture of the tissue differ from place to place.

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
"""Side of a pixel of the copy that is searched, mm. The smallest calcifications that
are seen on a mammogram measure 0.1 to 0.2 mm, and the blur of film and scanner is about
as wide; finer pixels show the same spots and more grain."""

LEAST_SPACING_MM, MOST_SPACING_MM = 0.005, 0.3
"""What is taken as a mammogram's pixel spacing, mm. On coarser pixels single
microcalcifications vanish."""

RIM_MM = 1.5
"""Rim of the mask that is not searched, mm: the skin line and the film's edge are
bright and thin."""

_SIGMAS_MM = (0.1, 0.14, 0.2, 0.28, 0.4)
_RATIO = math.sqrt(2)
# Of a disk the normalised response is strongest where its radius is the square root of
# 2 times the standard deviation.
_DIAMETER = 2 * math.sqrt(2)
# The neighbourhood in which the noise is measured, mm.
_NOISE_MM = 10.0
# Responses beyond so many standard deviations are signal and not noise.
_CLIP = 3.0
# The noise nowhere counts as less than this part of that of the whole breast: in a flat
# patch, such as saturated film, nothing would be something.
_LEAST_NOISE = 0.4
# Greatest ratio of the two principal curvatures, at so many times the spot's own scale:
# a line has a large one, also where it is uneven or crosses another.
_MOST_RATIO, _WIDER = 2.5, 1.25
# Spots nearer than so many diameters of the larger are one: a coarse calcification has
# maxima of its own.
_APART = 0.7
# An image with more spots than this is no mammogram; the strongest are kept.
_MOST_SPOTS = 5000


@dataclasses.dataclass(frozen=True)
class Spots:
    """`n` spots; each field is an array float64 `(n,)`, the strongest spot first.

    Attributes:
        x: column in the image, pixels; the centres of pixels are whole numbers.
        y: row.
        diameter_mm: of the disk that would respond most at the same scale.
        contrast: contrast-to-noise: the response over its standard deviation around.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    diameter_mm: NDArray[np.float64]
    contrast: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.x)


def as_spacing(spacing_mm: float | tuple[float, float] | None) -> tuple[float, float]:
    """The distance between rows and between columns, mm.

    Args:
        spacing_mm: one for both, or `(rows, columns)`, as `GreyImage.spacing_mm` is.

    Raises:
        UserError: it is `None` or no mammogram's.
    """
    expected = (
        f"expected {LEAST_SPACING_MM} to {MOST_SPACING_MM} mm, one number or (rows, "
        "columns). Give the spacing of the scanner or detector."
    )
    if spacing_mm is None:
        raise UserError(
            "spacing_mm: the size of a calcification cannot be told without the pixel "
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
    """The copy that is searched.

    Args:
        shape: height and width of the image, pixels.
        spacing_mm: between rows and between columns, mm.

    Returns:
        The side of its pixels, mm: `GRID_MM`, or the larger spacing if that is more;
        and its width and height, pixels.
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

    The image is brought to square pixels of `GRID_MM` by averages over areas (an image
    of larger pixels keeps the larger spacing). At each of five scales the difference of
    two Gaussians is divided by the local noise: the root mean square of the responses
    in the breast within `_NOISE_MM`, those that stand out clipped. A spot is a maximum
    over place and scale whose two curvatures are alike, so that it is no part of a
    line; of those that touch, the strongest.

    Args:
        image: (H, W), bright calcifications, integers or floats in any unit: the
            contrast is a ratio.
        spacing_mm: between rows and between columns, mm.
        mask: bool (H, W), true in the breast; a rim of 1.5 mm of it is left out.
        least_contrast: least contrast-to-noise of a spot, above 0.
        film: leave out what is too sharp for an X-ray image, as dust and flaws on a
            scanned film are (`keras_wa.detection.specks`).

    Returns:
        The spots, 5000 at most. None lies outside the mask.

    Raises:
        UserError: image and mask differ in shape, the image is no grey image, the
            spacing is no mammogram's, or the least contrast is not above 0.
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
            "noise alone seldom gives a spot."
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
    """The mask on the grid without its rim, the image's edge included."""
    small = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    padded = np.pad(small, 1)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
    return np.asarray(depth * grid_mm > RIM_MM)


def _strongest(
    grid: NDArray, inner: NDArray[np.bool_], grid_mm: float
) -> tuple[NDArray, NDArray]:
    """The greatest contrast-to-noise of all scales at each pixel, and its scale.

    Returns:
        float32 and uint8, both of the grid's shape.
    """
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
        # 1.4826 makes a standard deviation of a normal's median absolute deviation.
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
    """Rows and columns of the pixels that are greatest of the five by five about."""
    top = cv2.dilate(best, np.ones((5, 5), np.uint8))
    rows, columns = np.nonzero((best == top) & (best >= least) & inner)
    return rows, columns


def _is_round(grid: NDArray, y: NDArray, x: NDArray, sigma: NDArray) -> NDArray:
    """Whether the surface at each point bends alike in both principal directions."""
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
    """Which spots touch no stronger one that stays.

    Args:
        places: (n, 2), mm, the strongest first.
        diameter: (n,), mm.
    """
    stays = np.ones(len(places), bool)
    if len(places) < 2:
        return stays
    reach = _APART * float(diameter.max())
    for strong, weak in sorted(cKDTree(places).query_pairs(reach)):
        away = math.dist(places[strong], places[weak])
        if stays[strong] and away < _APART * max(diameter[strong], diameter[weak]):
            stays[weak] = False
    return stays
