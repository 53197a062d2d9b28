"""Places the lesions of a film in the breast, without overlap."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import scipy.spatial

from keras_wa.errors import UserError
from keras_wa.phantom.breast_outline import Breast
from keras_wa.phantom.particles import Particles, reach_mm
from keras_wa.phantom.texture import Array

# Largest margin of a mask, mm; smaller in a small field.
_MARGIN_MM = 1.0
# Distance of the masks of two lesions.
_GAP_MM = 0.5
# A lesion may shrink to this fraction of its size.
_LEAST = 0.15


@dataclasses.dataclass(frozen=True)
class Placed:
    """A lesion with its position on a film.

    Attributes:
        parts: its particles, mm from the centre of the lesion's mask.
        x, y: column and row of that centre, pixels; pixel centres are integers.
        pixel_mm: side of a pixel, mm.
        margin_mm: margin of the mask around the particles, mm.
    """

    parts: Particles
    x: float
    y: float
    pixel_mm: float
    margin_mm: float

    def centres(self) -> tuple[Array, Array]:
        """Returns column and row of each particle's centre on the film, pixels."""
        return (
            self.x + self.parts.x / self.pixel_mm,
            self.y + self.parts.y / self.pixel_mm,
        )

    def mask(self, shape: tuple[int, int], film_shape: tuple[int, int]) -> Array:
        """Draws the lesion's mask, the convex hull of its particles with a margin.

        Args:
            shape: rows and columns of the mask of the whole film.
            film_shape: rows and columns of the film.
        """
        hull = _hull(self.parts, self.margin_mm)
        points = hull.points[hull.vertices] / self.pixel_mm + (self.x, self.y)
        scale = shape[1] / film_shape[1], shape[0] / film_shape[0]
        return _filled((points + 0.5) * scale - 0.5, shape)


def mask_margin_mm(field_mm: float) -> float:
    """Returns the margin of a mask, mm: 1, or less in a field below 25 mm."""
    return min(_MARGIN_MM, 0.04 * field_mm)


def fit_lesion(parts: Particles, field_mm: float) -> tuple[Particles, float]:
    """Centres a lesion on its mask and fits both into a field.

    Returns:
        The fitted particles, and the margin of the mask around them, mm.
    """
    margin = mask_margin_mm(field_mm)
    centred = _centred(parts, margin)
    points = _hull(centred, margin).points
    half = float(np.abs(points).max())
    room = 0.49 * field_mm
    if half > room:
        largest = float(reach_mm(centred).max()) + margin
        if largest < 0.5 * room:
            # Moved closer together, without shrinking each.
            centred = _scaled(centred, (room - largest) / (half - largest), 1.0)
        else:
            centred = _scaled(centred, (room - margin) / (half - margin))
        centred = _centred(centred, margin)
    return centred, margin


def place_lesions(
    breast: Breast,
    lesions: Sequence[tuple[Particles, float]],
    rng: np.random.Generator,
) -> list[Placed]:
    """Finds a position in the breast for each lesion from `fit_lesion`.

    The largest are placed first, preferably in glandular tissue. A lesion without
    enough room shrinks. Their masks lie in the breast and do not touch.

    Raises:
        UserError: the film is too small for so many lesions.
    """
    clearance = breast.clearance_mm()
    rows, columns = np.indices(clearance.shape) * breast.coarse_mm
    radii = [
        float(np.hypot(*_hull(parts, margin).points.T).max())
        for parts, margin in lesions
    ]
    placed: dict[int, Placed] = {}
    for i in np.argsort(-np.array(radii), kind="stable"):
        (parts, margin), radius = lesions[i], radii[i]
        free = np.flatnonzero(clearance.ravel() >= radius)
        if len(free):
            weights = np.cumsum(np.exp(breast.gland.ravel()[free]))
            at = int(free[np.searchsorted(weights, rng.random() * weights[-1])])
        else:
            at = int(clearance.argmax())
            room = float(clearance.ravel()[at])
            factor = (room - margin) / (radius - margin)
            if factor < _LEAST:
                raise UserError(
                    f"Phantom film: {len(lesions)} lesions do not fit. Received: "
                    f"{breast.shape[0]} by {breast.shape[1]} pixels of "
                    f"{breast.pixel_mm:g} mm; expected a larger film. Raise the "
                    "image's height and width or lower the field of view."
                )
            parts, radius = _scaled(parts, factor), room
        row, column = divmod(at, clearance.shape[1])
        away = np.hypot(
            rows - row * breast.coarse_mm, columns - column * breast.coarse_mm
        )
        clearance = np.minimum(clearance, away - radius - _GAP_MM)
        y, x = ((k + 0.5) * breast.factor - 0.5 for k in (row, column))
        if breast.mirrored:
            x = breast.shape[1] - 1 - x
        placed[int(i)] = Placed(parts, x, y, breast.pixel_mm, margin)
    return [placed[i] for i in range(len(lesions))]


def _hull(parts: Particles, margin_mm: float) -> scipy.spatial.ConvexHull:
    """Returns the convex hull of the particles with a margin, mm."""
    turn = np.arange(16) * (np.pi / 8)
    reach = (reach_mm(parts) + margin_mm)[:, None]
    x = parts.x[:, None] + reach * np.cos(turn)
    y = parts.y[:, None] + reach * np.sin(turn)
    return scipy.spatial.ConvexHull(np.stack([x.ravel(), y.ravel()], axis=1))


def _centred(parts: Particles, margin_mm: float) -> Particles:
    points = _hull(parts, margin_mm).points
    x, y = (points.min(axis=0) + points.max(axis=0)) / 2
    return dataclasses.replace(parts, x=parts.x - x, y=parts.y - y)


def _scaled(parts: Particles, places: float, sizes: float | None = None) -> Particles:
    sizes = places if sizes is None else sizes
    return dataclasses.replace(
        parts,
        x=parts.x * places,
        y=parts.y * places,
        a=parts.a * sizes,
        b=parts.b * sizes,
        soft=parts.soft * sizes,
    )


def _filled(points: Array, shape: tuple[int, int]) -> Array:
    """Returns 255 in a convex polygon, given by its corners (column, row) in order."""
    mask = np.zeros(shape, np.uint8)
    low = np.maximum(np.ceil(points.min(axis=0)), 0).astype(int)
    high = np.floor(points.max(axis=0)).astype(int)
    high = np.minimum(high, np.array(shape[::-1]) - 1)
    (left, top), (right, bottom) = low, high
    rows = np.arange(top, bottom + 1)[:, None]
    # In SciPy's order the polygon lies on the left of each side, with the y axis up: a
    # side that runs up bounds it on the right.
    (x, y), (dx, dy) = points.T, (np.roll(points, -1, axis=0) - points).T
    with np.errstate(divide="ignore", invalid="ignore"):
        bound = x + dx * (rows - y) / dy
    last = np.where(dy > 0, bound, np.inf).min(axis=1, keepdims=True)
    first = np.where(dy < 0, bound, -np.inf).max(axis=1, keepdims=True)
    columns = np.arange(left, right + 1)
    inside = (columns >= first) & (columns <= last)
    mask[top : bottom + 1, left : right + 1][inside] = 255
    return mask
