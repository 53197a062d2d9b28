"""The shapes of the BI-RADS types of calcifications, in mm.

Each function takes the sites of a lesion, the side of the field in mm (large types
shrink to fit a small field) and a random generator, and returns the particles. Source:
ACR BI-RADS Atlas, 5th edition, mammography, calcifications.
"""

from __future__ import annotations

import numpy as np

from keras_wa.phantom.distributions import Sites
from keras_wa.phantom.particles import (
    CORNERS,
    HARMONICS,
    NO_SIDE,
    Array,
    Particles,
    join,
    particles,
)

Generator = np.random.Generator


def _lobed(n: int, strength: float, rng: Generator) -> dict[str, Array]:
    """Smooth outlines that deviate from the ellipse by about `strength`."""
    falloff = 1 / np.arange(1, 1 + HARMONICS) ** 1.3
    return {
        "lobes": strength * falloff * rng.normal(0, 1, (n, HARMONICS)),
        "phases": rng.uniform(0, 2 * np.pi, (n, HARMONICS)),
    }


def _angular(n: int, rng: Generator) -> dict[str, Array]:
    """Outlines with four to six straight sides at uneven distances."""
    used = np.arange(CORNERS) < rng.integers(4, CORNERS + 1, n)[:, None]
    turn = np.arange(CORNERS) * 2.4 + rng.uniform(0, 2 * np.pi, n)[:, None]
    return {
        "sides": np.where(used, rng.uniform(0.4, 0.95, (n, CORNERS)), NO_SIDE),
        "normals": turn + rng.normal(0, 0.35, (n, CORNERS)),
    }


def punctate(s: Sites, field_mm: float, rng: Generator) -> Particles:
    """Below 0.5 mm, round, uniform."""
    n = len(s.x)
    r = rng.uniform(0.09, 0.22) * rng.uniform(0.85, 1.15, n)
    return particles(s.x, s.y, r, density=rng.uniform(0.85, 1.0, n))


def round_and_regular(s: Sites, field_mm: float, rng: Generator) -> Particles:
    """0.5 to 1 mm, round, smooth."""
    n = len(s.x)
    r = rng.uniform(0.25, 0.5, n)
    return particles(
        s.x,
        s.y,
        r,
        b=r * rng.uniform(0.88, 1.0, n),
        angle=s.angle,
        density=rng.uniform(0.75, 1.0, n),
    )


def _ring(
    s: Sites, rng: Generator, r: Array, hollow: Array, lucency: Array
) -> Particles:
    n = len(s.x)
    return particles(
        s.x,
        s.y,
        r,
        b=r * rng.uniform(0.8, 1.0, n),
        angle=s.angle,
        density=rng.uniform(0.8, 1.0, n),
        dome=0.2,
        hollow=hollow,
        lucency=lucency,
        **_lobed(n, 0.025, rng),
    )


def lucent_center(s: Sites, field_mm: float, rng: Generator) -> Particles:
    """A smooth rim, thicker than an eggshell's, around a lucent centre."""
    n = len(s.x)
    r = np.minimum(rng.uniform(0.45, 1.1, n), 0.11 * field_mm)
    return _ring(s, rng, r, rng.uniform(0.5, 0.65, n), rng.uniform(0.7, 0.9, n))


def eggshell(s: Sites, field_mm: float, rng: Generator) -> Particles:
    """A thin rim on a sphere."""
    n = len(s.x)
    r = np.minimum(rng.uniform(0.8, 2.4, n), 0.16 * field_mm)
    rim = rng.uniform(0.15, 0.3, n)
    return _ring(s, rng, r, 1 - rim / r, rng.uniform(0.75, 0.9, n))


def coarse(s: Sites, field_mm: float, rng: Generator) -> Particles:
    """Popcorn: a large lobulated block, denser lumps inside."""
    parts = []
    for x, y in zip(s.x, s.y, strict=True):
        r = min(rng.uniform(0.9, 2.0), 0.14 * field_mm)
        lumps = int(rng.integers(5, 9))
        turn = rng.uniform(0, 2 * np.pi, lumps)
        away = r * rng.uniform(0.1, 0.6, lumps)
        a = r * rng.uniform(0.3, 0.65, lumps)
        parts.append(
            particles(
                x + away * np.cos(turn),
                y + away * np.sin(turn),
                a,
                b=a * rng.uniform(0.6, 1.0, lumps),
                angle=rng.uniform(0, 2 * np.pi, lumps),
                density=rng.uniform(0.3, 0.9, lumps),
                dome=0.7,
                **_lobed(lumps, 0.14, rng),
            )
        )
    return join(parts)


def large_rodlike(s: Sites, field_mm: float, rng: Generator) -> Particles:
    """Thick smooth rods, 0.5 mm or wider, along ducts that meet at the nipple."""
    n = len(s.x)
    length = np.minimum(rng.uniform(0.9, 3.5, n), 0.17 * field_mm)
    way = rng.uniform(0, 2 * np.pi)
    away = rng.uniform(20, 50)
    toward = np.arctan2(away * np.sin(way) - s.y, away * np.cos(way) - s.x)
    return particles(
        s.x,
        s.y,
        length,
        b=rng.uniform(0.22, 0.4, n),
        angle=toward + rng.normal(0, 0.15, n),
        density=rng.uniform(0.7, 1.0, n),
        bend=rng.normal(0, 0.12, n),
        blunt=rng.uniform(0, 1, n) < 0.6,
        dome=0.5,
    )


def vascular(s: Sites, field_mm: float, rng: Generator) -> Particles:
    """Tram tracks: broken plaques on both walls of a winding artery."""
    parts = []
    for x, y, angle in zip(s.x, s.y, s.angle, strict=True):
        half = min(rng.uniform(6.0, 12.0), 0.6 * field_mm)
        bore = rng.uniform(0.45, 0.8)
        sag = rng.uniform(-0.4, 0.4) / half
        wave = rng.uniform(0.01, 0.06) * half
        phase = rng.uniform(0, 2 * np.pi)
        cos, sin = np.cos(angle), np.sin(angle)
        # The two walls, and between them the faint artery itself.
        for side in (-1, 0, 1):
            step = 0.5 if side == 0 else rng.uniform(0.25, 0.4)
            t: np.ndarray = np.arange(-half, half, step)
            t = t + rng.normal(0, 0.1, len(t))
            if side:
                # Plaques are contiguous stretches.
                period, start = rng.uniform(2.5, 8), rng.uniform(0, 2 * np.pi)
                stretch = np.sin(2 * np.pi * t / period + start)
                t = t[stretch + rng.normal(0, 0.25, len(t)) > -0.45]
            n = len(t)
            bent = 2 * np.pi * t / half + phase
            slope = np.arctan(2 * sag * t + wave * 2 * np.pi / half * np.cos(bent))
            across = sag * t**2 + wave * np.sin(bent)
            across = across + side * bore / np.cos(slope) + rng.normal(0, 0.05, n)
            wall = side != 0
            parts.append(
                particles(
                    x + t * cos - across * sin,
                    y + t * sin + across * cos,
                    rng.uniform(0.12, 0.35, n) if wall else np.full(n, 0.6),
                    b=rng.uniform(0.07, 0.17, n) if wall else bore,
                    angle=angle + slope,
                    density=rng.uniform(0.2, 0.9, n) if wall else 0.035,
                    soft=0.0 if wall else 0.11,
                    **_lobed(n, 0.15, rng),
                )
            )
    return join(parts)


def dystrophic(s: Sites, field_mm: float, rng: Generator) -> Particles:
    """Irregular chunks above 1 mm, some with lucent centres."""
    n = len(s.x)
    r = np.minimum(rng.uniform(0.5, 1.3, n), 0.13 * field_mm)
    return particles(
        s.x,
        s.y,
        r,
        b=r * rng.uniform(0.5, 0.9, n),
        angle=rng.uniform(0, 2 * np.pi, n),
        density=rng.uniform(0.7, 1.0, n),
        dome=0.3,
        hollow=np.where(rng.uniform(0, 1, n) < 0.4, rng.uniform(0.25, 0.5, n), 0),
        lucency=rng.uniform(0.3, 0.7, n),
        **_lobed(n, 0.13, rng),
    )


def amorphous(s: Sites, field_mm: float, rng: Generator) -> Particles:
    """Hazy puffs, too small or indistinct for a shape."""
    parts = []
    n = len(s.x)
    for _ in range(4):
        r = rng.uniform(0.12, 0.4, n)
        parts.append(
            particles(
                s.x + rng.normal(0, 0.35, n),
                s.y + rng.normal(0, 0.35, n),
                r,
                b=r * rng.uniform(0.6, 1.0, n),
                angle=rng.uniform(0, 2 * np.pi, n),
                density=rng.uniform(0.1, 0.3, n),
                dome=1.0,
                soft=0.22,
            )
        )
    return join(parts)


def pleomorphic(s: Sites, field_mm: float, rng: Generator) -> Particles:
    """Angular shards of very varied size and density."""
    n = len(s.x)
    r = np.clip(0.16 * np.exp(rng.normal(0, 0.5, n)), 0.06, 0.5)
    return particles(
        s.x,
        s.y,
        r * rng.uniform(1.1, 2.0, n),
        b=r,
        angle=rng.uniform(0, 2 * np.pi, n),
        density=rng.uniform(0.35, 1.0, n),
        dome=0.6,
        **_lobed(n, 0.12, rng),
        **_angular(n, rng),
    )


def fine_linear_branching(s: Sites, field_mm: float, rng: Generator) -> Particles:
    """Thin, irregular, broken lines that fork: casts of a duct's branches."""
    parts = []
    reach = min(1.0, field_mm / 12)
    for x, y, angle in zip(s.x, s.y, s.angle, strict=True):
        stems = [(x, y, angle + np.pi * rng.integers(0, 2), 0)]
        while stems:
            x0, y0, way, depth = stems.pop()
            pieces = max(2, round(rng.integers(2, 6) * (1 if depth else reach)))
            length = rng.uniform(0.1, 0.32, pieces)
            turn = way + np.cumsum(rng.normal(0, 0.3, pieces))
            # Above 1 leaves a gap to the next piece, below 1 overlaps it.
            pace = 2 * length * rng.uniform(0.75, 1.35, pieces)
            px = x0 + np.cumsum(pace * np.cos(turn))
            py = y0 + np.cumsum(pace * np.sin(turn))
            parts.append(
                particles(
                    px,
                    py,
                    length,
                    b=rng.uniform(0.06, 0.15, pieces),
                    angle=turn + rng.normal(0, 0.12, pieces),
                    density=rng.uniform(0.4, 1.0, pieces),
                    bend=rng.normal(0, 0.2, pieces),
                    **_lobed(pieces, 0.35, rng),
                )
            )
            if depth < 2 and rng.uniform() < 0.6:
                fork = int(rng.integers(0, pieces))
                side = rng.choice([-1.0, 1.0]) * rng.uniform(0.4, 1.0)
                stems.append((px[fork], py[fork], turn[fork] + side, depth + 1))
    return join(parts)


def skin(s: Sites, field_mm: float, rng: Generator) -> Particles:
    """Small, with a lucent centre."""
    n = len(s.x)
    r = rng.uniform(0.3, 0.5, n)
    return _ring(s, rng, r, np.full(n, 0.5), np.full(n, 0.7))


def milk_of_calcium(s: Sites, field_mm: float, rng: Generator) -> Particles:
    """Teacups: sediment with a level top, seen from the side."""
    n = len(s.x)
    sides = np.full((n, CORNERS), NO_SIDE)
    sides[:, 0] = rng.uniform(0.0, 0.3, n) + 0.05
    normals = np.full((n, CORNERS), -np.pi / 2)
    r = rng.uniform(0.25, 0.6, n)
    return particles(
        s.x, s.y, r, b=r * 0.8, sides=sides, normals=normals, density=0.9, dome=0.3
    )
