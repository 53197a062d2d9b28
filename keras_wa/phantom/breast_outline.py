"""The outline of a compressed breast on a film: skin line, nipple, pectoral muscle."""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.ndimage

from keras_wa.phantom.texture import Array

# Side of a coarse pixel, mm. Structure finer than twice this comes from a tile.
_COARSE_MM = 0.2


@dataclasses.dataclass(frozen=True)
class Breast:
    """The position of the breast on a film, on a coarse grid.

    The grid is that of a left breast, its chest wall at column 0; a right breast is the
    mirror image (`mirrored`). `h` and `w` are the grid's rows and columns.

    Attributes:
        shape: rows and columns of the film, pixels.
        pixel_mm: side of a pixel, mm.
        factor: side of a coarse pixel, pixels.
        mirrored: whether the chest wall is at the right edge of the film.
        skin_mm: `(h, w)` depth below the skin, mm, negative outside the breast; exact
            near the skin, approximate elsewhere.
        gland: `(h, w)` likelihood of glandular tissue: 1 in the middle, down to -1.5.
        nipple: row and column of the nipple on the grid.
        muscle: `(h, w)` share of pectoral muscle, 0 to 1; 0 in CC.
    """

    shape: tuple[int, int]
    pixel_mm: float
    factor: int
    mirrored: bool
    skin_mm: Array
    gland: Array
    nipple: tuple[float, float]
    muscle: Array

    @property
    def coarse_mm(self) -> float:
        """Side of a coarse pixel, mm."""
        return self.factor * self.pixel_mm

    def clearance_mm(self) -> Array:
        """Returns `(h, w)`, the distance to skin, muscle or film edge, mm."""
        free = (self.skin_mm > 1.0) & (self.muscle < 0.5)
        padded = np.pad(free, 1)
        distance = scipy.ndimage.distance_transform_edt(padded)[1:-1, 1:-1]
        return np.asarray(distance * self.coarse_mm)


def draw_breast(
    shape: tuple[int, int],
    pixel_mm: float,
    side: str,
    view: str,
    rng: np.random.Generator,
) -> Breast:
    """Draws the outline of a breast, in proportion to the film.

    A `RIGHT` breast has its chest wall at the right edge, as in CBIS-DDSM; `MLO` has
    the pectoral muscle, other views are drawn as CC. Use generators of the same state
    for both views of a breast, so that their sizes agree.
    """
    factor = max(1, round(_COARSE_MM / pixel_mm))
    h, w = (-(-side // factor) for side in shape)
    v = ((np.arange(h) + 0.5) / h)[:, None]
    u = ((np.arange(w) + 0.5) / w)[None, :]
    # Drawn whatever the view, so that both views use the same numbers.
    depth, height = rng.uniform(0.60, 0.80), rng.uniform(0.36, 0.46)
    pointed, nipple, axilla = rng.uniform(1.75, 2.15), rng.uniform(0), rng.uniform(0, 1)
    waves = rng.normal(0, 0.006, 4), rng.uniform(0, 2 * np.pi, 4)
    slope, low = rng.uniform(0.26, 0.40), rng.uniform(0.50, 0.75)
    mlo = view == "MLO"
    middle = 0.58 + 0.06 * nipple if mlo else 0.47 + 0.06 * nipple
    reach = np.full_like(v, depth)
    for k, (wave, phase) in enumerate(zip(*waves, strict=True)):
        reach = reach * (1 + wave * np.sin(2 * np.pi * (k + 1.5) * v + phase))
    below = np.clip((v - middle) / ((0.96 - middle) if mlo else height), 0, None)
    above = np.clip((middle - v) / (middle if mlo else height), 0, None)
    if mlo:
        # Towards the axilla the outline leaves the film instead of closing.
        top = depth * (0.42 + 0.2 * axilla)
        reach = np.where(
            v < middle, top + (reach - top) * np.cos(np.pi / 2 * above) ** 1.3, reach
        )
        above = np.zeros_like(above)
    radius = (below + above) ** pointed + (u / reach) ** pointed
    radius = radius ** (1 / pointed)
    coarse_mm = factor * pixel_mm
    skin_mm = _distance(1 - radius) * coarse_mm
    # The nipple is another ellipse, on the skin line.
    tip = float(reach[min(int(middle * h), h - 1), 0])
    out, along = (u - tip + 0.015 * depth) / (0.055 * depth), (v - middle) / 0.02
    skin_mm = np.maximum(skin_mm, _distance(1 - np.hypot(out, along)) * coarse_mm)
    # Glandular tissue tapers towards the nipple.
    along, across = u / reach, (v - middle) / height
    gland = 1 - ((along - 0.5) / 0.48) ** 2 - (across / (1.15 - 0.8 * along)) ** 2
    muscle = np.zeros((h, w))
    if mlo:
        wedge = 1 - (u / slope) ** 1.12 - (v / low) ** 1.12
        muscle_mm = _distance(wedge) * coarse_mm
        muscle = 1 / (1 + np.exp(-np.clip(muscle_mm / 0.7, -30, 30)))
    return Breast(
        shape=shape,
        pixel_mm=pixel_mm,
        factor=factor,
        mirrored=side == "RIGHT",
        skin_mm=skin_mm,
        gland=np.clip(gland, -1.5, 1),
        nipple=(middle * h - 0.5, tip * w - 0.5),
        muscle=muscle,
    )


def _distance(level: Array) -> Array:
    """Returns the distance to the zero line of a field, pixels, exact near the line."""
    rows, columns = np.gradient(level)
    return level / np.maximum(np.hypot(rows, columns), 1e-6)
