"""Positions of calcifications: clustered, linear, segmental, regional, diffuse.

Source of the extents: ACR BI-RADS Atlas, 5th edition, mammography, distribution.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.special import ndtr, ndtri

from keras_wa.errors import unknown_name

Array = np.ndarray

OBLIQUE = np.pi / 4
"""Angle between the beams of CC and MLO, about the axis from chest wall to nipple."""

# Candidates for each position, to keep a gap.
_TRIES = 4
# Further points that show how a lesion spreads, and how many of them, of similar `x`,
# stand for its spread in `y` there.
_POOL, _NEAR = 512, 17


@dataclasses.dataclass(frozen=True)
class Sites:
    """Positions, mm from the centre of a field, and angles of the duct, radians."""

    x: Array
    y: Array
    angle: Array


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Positions in three dimensions, mm, and angles of the duct, radians.

    `x` runs from the chest wall to the nipple and `y` across it on the film of CC,
    `depth` along the beam of CC.
    """

    x: Array
    y: Array
    depth: Array
    angle: Array

    def seen(self, view: str) -> Sites:
        """Returns the projection in `"MLO"`, or in CC for any other view."""
        turn = OBLIQUE if view == "MLO" else 0.0
        y = np.cos(turn) * self.y + np.sin(turn) * self.depth
        return Sites(self.x, y, self.angle)


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
    axis = rng.uniform(0, 2 * np.pi)
    parts = []
    for name, n in _shares(distribution, count):
        drawn = np.array(_PLACERS[name](_TRIES * n, field_mm, rng))
        picked = _spaced(_near(drawn[0], drawn[1], gap_mm), n)
        parts.append(drawn[:, picked])
    along, across, turn = np.concatenate(parts, axis=1)
    along, across = _centred(along), _centred(across)
    x, y = _turned(along, across, axis)
    return Sites(_folded(x, field_mm), _folded(y, field_mm), axis + turn)


def place_in_space(
    distribution: str,
    count: int,
    field_mm: float,
    rng: np.random.Generator,
    gap_mm: float = 0.0,
) -> Cluster:
    """Draws `count` positions in three dimensions.

    Each of the two views is distributed as `place` draws it; `x` is common to both.

    Raises:
        UserError: a distribution is unknown.
    """
    axis = rng.uniform(0, 2 * np.pi)
    parts = []
    for name, n in _shares(distribution, count):
        size = _TRIES * n, field_mm, axis, rng
        drawn = _duct_in_space(*size) if name == "LINEAR" else _in_space(name, *size)
        x, y, turn, obliques = drawn
        picked, oblique = _spaced_in_both(x, y, obliques, n, gap_mm)
        parts.append([x[picked], y[picked], oblique, turn[picked]])
    x, y, oblique, turn = np.concatenate(parts, axis=1)
    x, y, oblique = (_folded(_centred(v), field_mm) for v in (x, y, oblique))
    depth = (oblique - np.cos(OBLIQUE) * y) / np.sin(OBLIQUE)
    return Cluster(x, y, depth, axis + turn)


_Space = tuple[Array, Array, Array, Array]
"""`x`, `y` and the duct's angle of `n` points, `(n, _TRIES)` their `y` in MLO."""


def _in_space(
    name: str, n: int, field: float, axis: float, rng: np.random.Generator
) -> _Space:
    """Draws points, and for each its `y` in MLO, distributed as `y` is at its `x`.

    It has a rank among the `y` of the points with the nearest `x`, which is correlated
    with that of the point's own `y` as in two views of a ball.
    """
    along, across, turn = _PLACERS[name](n + _POOL, field, rng)
    x, y = _turned(along, across, axis)
    order = np.argsort(x)
    place = np.empty(len(x), dtype=int)
    place[order] = np.arange(len(x))
    first = np.clip(place[:n] - _NEAR // 2, 0, len(x) - _NEAR)
    near = np.sort(y[order][first[:, None] + np.arange(_NEAR)], axis=1)
    rank = (near < y[:n, None]).sum(axis=1) + rng.uniform(0, 1, n)
    own = ndtri(rank / _NEAR)[:, None]
    other = np.cos(OBLIQUE) * own
    other = other + np.sin(OBLIQUE) * rng.standard_normal((n, _TRIES))
    rank = np.clip(ndtr(other) * _NEAR - 0.5, 0, _NEAR - 1)
    low = np.minimum(rank, _NEAR - 2).astype(int)
    below, above = (np.take_along_axis(near, k, axis=1) for k in (low, low + 1))
    return x[:n], y[:n], turn[:n], below + (rank - low) * (above - below)


def _duct_in_space(
    n: int, field: float, axis: float, rng: np.random.Generator
) -> _Space:
    """Draws points along a duct halfway between the films, with scatter around it."""
    along, across, scatter, turn = _duct((2 + _TRIES) * n, field, rng)
    x, y = _turned(along[:n], across[:n], axis)
    right, down, *deep = scatter.reshape(-1, n)
    oblique = y + np.cos(OBLIQUE) * down + np.sin(OBLIQUE) * np.array(deep)
    return x + right, y + down, turn[:n], oblique.T


def _spaced_in_both(
    x: Array, y: Array, obliques: Array, count: int, gap: float
) -> tuple[list[int], Array]:
    """Picks `count` points at least `gap` apart in both views, if possible.

    Returns:
        The points, and for each the picked one of its `obliques`.
    """
    near = _near(x, y, gap)
    oblique = obliques[:, 0].copy()
    free = np.ones(len(x), dtype=bool)
    picked: list[int] = []
    for i in range(len(x)):
        if not free[i] or len(picked) == count:
            continue
        square = (x[picked, None] - x[i]) ** 2
        square = square + (oblique[picked, None] - obliques[i]) ** 2
        far = (square >= gap * gap).all(axis=0)
        if far.any():
            oblique[i] = obliques[i, far.argmax()]
            picked.append(i)
            free &= ~near[i]
    rest = [i for i in range(len(x)) if i not in picked]
    rest.sort(key=lambda i: not free[i])
    picked += rest[: count - len(picked)]
    return picked, oblique[picked]


def _shares(distribution: str, count: int) -> list[tuple[str, int]]:
    """Returns the single distributions of a name, and how many positions each gets."""
    names = list(dict.fromkeys(distribution.split("-")))[:count]
    for name in names:
        if name not in _PLACERS:
            raise unknown_name("distribution of calcifications", name, _PLACERS)
    shares = np.array_split(np.arange(count), len(names))
    return [(name, len(share)) for name, share in zip(names, shares, strict=True)]


def _turned(along: Array, across: Array, axis: float) -> tuple[Array, Array]:
    cos, sin = np.cos(axis), np.sin(axis)
    return along * cos - across * sin, along * sin + across * cos


def _centred(values: Array) -> Array:
    """Moves positions to the centre: a few large ones must not lie at the edge."""
    pull = 0.75 if len(values) <= 3 else 1.0
    return pull * (values - 0.7 * values.mean())


def _folded(values: Array, field: float) -> Array:
    """Reflects positions outside the field at its edge."""
    edge = 0.48 * field
    return np.where(np.abs(values) > edge, np.sign(values) * 2 * edge - values, values)


def _near(x: Array, y: Array, gap: float) -> Array:
    """Returns for each pair of points whether they are closer than `gap`."""
    points = np.array([x, y])
    square = ((points[:, :, None] - points[:, None, :]) ** 2).sum(axis=0)
    return np.asarray(square < gap * gap)


def _spaced(near: Array, count: int) -> list[int]:
    """Picks `count` points of which no two are near, if possible."""
    free = np.ones(len(near), dtype=bool)
    picked: list[int] = []
    for i in range(len(near)):
        if free[i] and len(picked) < count:
            picked.append(i)
            free &= ~near[i]
    rest = [i for i in range(len(near)) if i not in picked]
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
    along, across, scatter, turn = _duct(n, field, rng)
    return along, across + scatter, turn


def _duct(
    n: int, field: float, rng: np.random.Generator
) -> tuple[Array, Array, Array, Array]:
    """Points on a duct along and across the lesion, scatter, and the duct's angle."""
    half = min(rng.uniform(6.0, 13.0), 0.45 * field)
    along = rng.uniform(-half, half, n)
    sag = rng.uniform(-0.25, 0.25)
    scatter = rng.normal(0, 0.03 * half + 0.12, n)
    turn = np.arctan(2 * sag * along / half) + rng.normal(0, 0.2, n)
    return along, sag * along**2 / half, scatter, turn


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
