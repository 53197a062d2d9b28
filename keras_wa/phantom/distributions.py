"""Positions of calcifications: clustered, linear, segmental, regional, diffuse.

Source of the extents: ACR BI-RADS Atlas, 5th edition, mammography, distribution.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from keras_wa.errors import unknown_name

Array = np.ndarray

# Candidates for each position, to keep a gap.
_TRIES = 4


@dataclasses.dataclass(frozen=True)
class Sites:
    """Positions, mm from the centre of a field, and angles of the duct, radians."""

    x: Array
    y: Array
    angle: Array


def place(
    distribution: str,
    count: int,
    field_mm: float,
    rng: np.random.Generator,
    gap_mm: float = 0.0,
) -> Sites:
    """Draws `count` positions by their BI-RADS distribution.

    The lesion is at the centre of the field. Its extent is physical but not larger than
    the field, so that all positions are visible in any field of view. Of a pair
    (`CLUSTERED-LINEAR`) each name gets half of them; `""` is scattered. They are
    `gap_mm` apart where there is room.

    Raises:
        UserError: a distribution is unknown.
    """
    names = list(dict.fromkeys(distribution.split("-")))[:count]
    axis = rng.uniform(0, 2 * np.pi)
    shares = np.array_split(np.arange(count), len(names))
    parts = []
    for name, share in zip(names, shares, strict=True):
        if name not in _PLACERS:
            raise unknown_name("distribution of calcifications", name, _PLACERS)
        drawn = np.array(_PLACERS[name](_TRIES * len(share), field_mm, rng))
        parts.append(drawn[:, _spaced(drawn[:2], len(share), gap_mm)])
    along, across, turn = np.concatenate(parts, axis=1)
    # Centred, since a few large ones must not lie at the edge of the field.
    pull = 0.75 if count <= 3 else 1.0
    along = pull * (along - 0.7 * along.mean())
    across = pull * (across - 0.7 * across.mean())
    cos, sin = np.cos(axis), np.sin(axis)
    x, y = along * cos - across * sin, along * sin + across * cos
    return Sites(_folded(x, field_mm), _folded(y, field_mm), axis + turn)


def _folded(values: Array, field: float) -> Array:
    """Reflects positions outside the field at its edge."""
    edge = 0.48 * field
    return np.where(np.abs(values) > edge, np.sign(values) * 2 * edge - values, values)


def _spaced(points: Array, count: int, gap: float) -> list[int]:
    """Picks `count` points at least `gap` apart, if possible."""
    near = ((points[:, :, None] - points[:, None, :]) ** 2).sum(axis=0) < gap * gap
    free = np.ones(points.shape[1], dtype=bool)
    picked: list[int] = []
    for i in range(points.shape[1]):
        if free[i] and len(picked) < count:
            picked.append(i)
            free &= ~near[i]
    rest = [i for i in range(points.shape[1]) if i not in picked]
    return picked + rest[: count - len(picked)]


_Local = tuple[Array, Array, Array]
"""Along and across the lesion's axis, mm, and the duct's angle to it, radians."""


def _clustered(n: int, field: float, rng: np.random.Generator) -> _Local:
    """A group within 1 to 2 cm: an ellipse, denser in the middle."""
    radius = min(rng.uniform(3.0, 7.0), 0.40 * field)
    squeeze = rng.uniform(0.55, 1.0)
    r = radius * rng.uniform(0, 1, n) ** 0.65
    t = rng.uniform(0, 2 * np.pi, n)
    return r * np.cos(t), squeeze * r * np.sin(t), rng.normal(0, 0.7, n)


def _linear(n: int, field: float, rng: np.random.Generator) -> _Local:
    """Along one duct, gently curved."""
    half = min(rng.uniform(6.0, 13.0), 0.45 * field)
    along = rng.uniform(-half, half, n)
    sag = rng.uniform(-0.25, 0.25)
    across = sag * along**2 / half + rng.normal(0, 0.03 * half + 0.12, n)
    return along, across, np.arctan(2 * sag * along / half) + rng.normal(0, 0.2, n)


def _segmental(n: int, field: float, rng: np.random.Generator) -> _Local:
    """A wedge that points to the nipple: the ducts of one lobe."""
    length = min(rng.uniform(14.0, 24.0), 0.85 * field)
    spread = rng.uniform(0.25, 0.40)
    r = length * np.sqrt(rng.uniform(0.02, 1, n))
    t = rng.uniform(-spread, spread, n)
    return r * np.cos(t) - 0.6 * length, r * np.sin(t), t + rng.normal(0, 0.2, n)


def _regional(n: int, field: float, rng: np.random.Generator) -> _Local:
    """A large area, not along a duct, evenly filled."""
    radius = min(rng.uniform(9.0, 13.0), 0.47 * field)
    r = radius * np.sqrt(rng.uniform(0, 1, n))
    t = rng.uniform(0, 2 * np.pi, n)
    return r * np.cos(t), 0.85 * r * np.sin(t), rng.normal(0, 1.0, n)


def _diffuse(n: int, field: float, rng: np.random.Generator) -> _Local:
    """The whole field."""
    reach = 0.49 * field
    x, y = rng.uniform(-reach, reach, (2, n))
    return x, y, rng.uniform(0, 2 * np.pi, n)


def _scattered(n: int, field: float, rng: np.random.Generator) -> _Local:
    """No distribution given: loosely around the centre."""
    r = 0.4 * field * rng.uniform(0, 1, n) ** 0.6
    t = rng.uniform(0, 2 * np.pi, n)
    return r * np.cos(t), r * np.sin(t), rng.uniform(0, 2 * np.pi, n)


_PLACERS = {
    "CLUSTERED": _clustered,
    "LINEAR": _linear,
    "SEGMENTAL": _segmental,
    "REGIONAL": _regional,
    "DIFFUSELY_SCATTERED": _diffuse,
    "": _scattered,
}

DISTRIBUTIONS = tuple(_PLACERS)
"""The single distributions, `""` for none given."""
