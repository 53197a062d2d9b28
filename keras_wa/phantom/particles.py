"""Draws many small calcifications at once: outline, thickness profile, antialiasing."""

from __future__ import annotations

import dataclasses

import numpy as np

Array = np.ndarray

HARMONICS = 4
"""Fourier terms of an outline: wave numbers 2, 3, 4 and 5."""
CORNERS = 6
"""Sides of an angular outline, at most."""
NO_SIDE = 9.0
"""Distance of a side that has no effect."""


@dataclasses.dataclass
class Particles:
    """`n` calcifications; the first axis of each field is `n`.

    An outline is star-shaped: the radius in each direction is that of an ellipse, times
    a Fourier series (lobes), cut by straight sides (corners).

    Attributes:
        x: centre, mm to the right of the centre of the field.
        y: centre, mm below it.
        a: one half-axis, mm.
        b: the other, mm.
        angle: of the axis `a`, radians.
        density: of the mineral, relative.
        bend: sagitta of the bent axis, as a fraction of `a`.
        lobes: `(n, HARMONICS)` amplitudes of the outline's Fourier series.
        phases: `(n, HARMONICS)` its phases.
        sides: `(n, CORNERS)` distance of each straight side in half-axes; `NO_SIDE`
            for none.
        normals: `(n, CORNERS)` direction of each side.
        blunt: 1 for the blunt ends of a rod, 0 for those of an ellipse.
        dome: 0 is a plate of even thickness, 1 a ball.
        hollow: radius of the lucent centre as a fraction of the outline's; 0 is solid.
        lucency: relative lack of density in the centre, 0 to 1.
        soft: half-width of a hazy edge, mm.
    """

    x: Array
    y: Array
    a: Array
    b: Array
    angle: Array
    density: Array
    bend: Array
    lobes: Array
    phases: Array
    sides: Array
    normals: Array
    blunt: Array
    dome: Array
    hollow: Array
    lucency: Array
    soft: Array

    def __len__(self) -> int:
        return len(self.x)


_DEFAULTS: dict[str, float | None] = {
    "b": None,
    "angle": 0.0,
    "density": 1.0,
    "bend": 0.0,
    "blunt": 0.0,
    "dome": 0.5,
    "hollow": 0.0,
    "lucency": 0.0,
    "soft": 0.0,
}
_WIDE_DEFAULTS = {
    "lobes": (HARMONICS, 0.0),
    "phases": (HARMONICS, 0.0),
    "sides": (CORNERS, NO_SIDE),
    "normals": (CORNERS, 0.0),
}


def particles(x: Array, y: Array, a: Array, **fields: Array | float) -> Particles:
    """Creates `Particles`, by default round solid balls.

    Raises:
        TypeError: a field is unknown.
    """
    n = len(x)
    arrays: dict[str, Array] = {"x": x, "y": y, "a": a}
    for name, default in _DEFAULTS.items():
        arrays[name] = np.empty(n)
        arrays[name][:] = fields.pop(name, a if default is None else default)
    for name, (width, number) in _WIDE_DEFAULTS.items():
        arrays[name] = np.empty((n, width))
        arrays[name][:] = fields.pop(name, number)
    if fields:
        raise TypeError(f"Unknown particle fields: {sorted(fields)}")
    return Particles(**arrays)


def join(parts: list[Particles]) -> Particles:
    """Concatenates particles."""
    names = [field.name for field in dataclasses.fields(Particles)]
    return Particles(
        **{n: np.concatenate([getattr(part, n) for part in parts]) for n in names}
    )


def reach_mm(parts: Particles) -> Array:
    """Returns an upper bound of each particle's radius, mm."""
    lobes = 1 + np.abs(parts.lobes).sum(axis=1)
    return np.maximum(parts.a, parts.b) * lobes + parts.soft


def draw(parts: Particles, size: int, pixel_mm: float) -> Array:
    """Draws particles: thickness times density; 1 for a plate of density 1."""
    canvas = np.zeros((size, size))
    centre = (size - 1) / 2
    cx = parts.x / pixel_mm + centre
    cy = parts.y / pixel_mm + centre
    half = np.ceil(reach_mm(parts) / pixel_mm + 1.5).astype(int)
    # Particles of similar size are drawn together: fewer calls matter more than pixels.
    classes = np.maximum(4, 2 ** np.ceil(np.log2(half)).astype(int))
    for extent in np.unique(classes):
        chosen = np.flatnonzero(classes == extent)
        # Patches as large as the largest of the class, centred on pixels.
        extent = int(half[chosen].max())
        ix = np.rint(cx[chosen]).astype(int)
        iy = np.rint(cy[chosen]).astype(int)
        step = np.arange(-extent, extent + 1, dtype=np.float64)
        dx = (step[None, None, :] + (ix - cx[chosen])[:, None, None]) * pixel_mm
        dy = (step[None, :, None] + (iy - cy[chosen])[:, None, None]) * pixel_mm
        patches = _thickness(parts, chosen, dx, dy, pixel_mm)
        for patch, column, row in zip(patches, ix, iy, strict=True):
            _add(canvas, patch, row - extent, column - extent)
    return canvas


def _add(canvas: Array, patch: Array, top: int, left: int) -> None:
    size, side = len(canvas), len(patch)
    t, b = max(top, 0), min(top + side, size)
    f, r = max(left, 0), min(left + side, size)
    if t < b and f < r:
        canvas[t:b, f:r] += patch[t - top : b - top, f - left : r - left]


def _thickness(p: Particles, i: Array, dx: Array, dy: Array, pixel_mm: float) -> Array:
    """Returns thickness times density of particles `i` at offsets `dx`, `dy` (mm)."""

    def column(values: Array) -> Array:
        return values[i][:, None, None]

    angle = column(p.angle)
    cos, sin = np.cos(angle), np.sin(angle)
    u = (dx * cos + dy * sin) / column(p.a)
    v = (dy * cos - dx * sin) / column(p.b)
    if p.bend[i].any():
        v = v + column(p.bend * p.a / p.b) * (u * u - 0.5)
    blunt = column(p.blunt)
    u2 = u * u
    if blunt.any():
        u2 = np.where(blunt > 0, u2 * u2, u2)
    radius = np.sqrt(u2 + v * v) + 1e-9
    outline = _outline(p, i, u, v)
    level = radius / outline
    # Distance to the outline along the ray from the centre, in pixels.
    real = np.sqrt(dx * dx + dy * dy) + 1e-9
    scale = real / level / pixel_mm
    edge = 1 + 2 * column(p.soft) / pixel_mm
    cover = np.clip((1 - level) * scale / edge + 0.5, 0, 1)
    dome = column(p.dome)
    height = 1 - dome + dome * np.sqrt(np.clip(1 - level * level, 0, 1))
    hollow = column(p.hollow)
    if hollow.any():
        inner = np.clip((hollow - level) * scale / edge + 0.5, 0, 1)
        height = height * (1 - column(p.lucency) * inner * (hollow > 0))
    return cover * height * column(p.density)


def _outline(p: Particles, i: Array, u: Array, v: Array) -> Array | float:
    """Returns the radius of the outline in the direction `(u, v)`, in half-axes."""
    lobes = p.lobes[i]
    cornered = (p.sides[i] < NO_SIDE).any()
    if not (lobes.any() or cornered):
        return 1.0
    norm = np.sqrt(u * u + v * v) + 1e-9
    c, s = u / norm, v / norm
    outline: Array = np.ones_like(u)
    if lobes.any():
        turn = c + 1j * s
        power = turn
        weight = lobes * np.exp(1j * p.phases[i])
        for k in range(HARMONICS):
            power = power * turn
            outline = outline + (weight[:, k, None, None] * power).real
        outline = np.maximum(outline, 0.15)
    if cornered:
        normals, sides = p.normals[i], p.sides[i]
        for k in range(CORNERS):
            facing = (
                c * np.cos(normals[:, k])[:, None, None]
                + s * np.sin(normals[:, k])[:, None, None]
            )
            side = sides[:, k, None, None] / np.maximum(facing, 1e-3)
            outline = np.minimum(outline, side)
    return outline
