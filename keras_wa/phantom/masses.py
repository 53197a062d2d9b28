"""Masses by the case lists' shape and margins: crude, soft densities.

They are placeholders for mass ROIs and are not fitted to real masses.
"""

from __future__ import annotations

import numpy as np

from keras_wa.errors import unknown_name
from keras_wa.phantom.particles import HARMONICS, Particles, join, particles

Generator = np.random.Generator

FAINTNESS = 0.5
"""Contrast of a mass relative to a calcification of the same subtlety."""

# Shape: ratio of the axes (smallest, largest), strength of lobes, density.
_SHAPES = {
    "ROUND": (0.9, 1.0, 0.0, 1.0),
    "OVAL": (0.6, 0.75, 0.0, 1.0),
    "LOBULATED": (0.7, 0.95, 0.10, 1.0),
    "IRREGULAR": (0.6, 0.95, 0.16, 1.0),
    "LYMPH_NODE": (0.55, 0.7, 0.0, 0.9),
    "ARCHITECTURAL_DISTORTION": (0.5, 0.8, 0.12, 0.25),
    "ASYMMETRIC_BREAST_TISSUE": (0.4, 0.7, 0.14, 0.5),
    "FOCAL_ASYMMETRIC_DENSITY": (0.5, 0.8, 0.12, 0.5),
}
# Margins: half-width of the edge as a fraction of the radius.
_MARGINS = {
    "CIRCUMSCRIBED": 0.02,
    "MICROLOBULATED": 0.04,
    "OBSCURED": 0.25,
    "ILL_DEFINED": 0.35,
    "SPICULATED": 0.12,
}


def draw_mass(shape: str, margins: str, field_mm: float, rng: Generator) -> Particles:
    """Draws a mass at the centre of a field, the body first.

    Of several shapes joined by hyphens the first determines the outline. `""` is drawn
    as round and ill defined.

    Raises:
        UserError: a name is unknown.
    """
    shapes = (shape or "ROUND").split("-")
    edges = (margins or "ILL_DEFINED").split("-")
    for kind, names, known in (
        ("shape of a mass", shapes, _SHAPES),
        ("margins of a mass", edges, _MARGINS),
    ):
        for name in names:
            if name not in known:
                raise unknown_name(kind, name, known)
    least, most, lobed, density = _SHAPES[shapes[0]]
    radius = min(rng.uniform(4.0, 9.0), 0.25 * field_mm)
    soft = float(np.mean([_MARGINS[name] for name in edges]))
    node = "LYMPH_NODE" in shapes
    body = particles(
        np.zeros(1),
        np.zeros(1),
        np.full(1, radius),
        b=radius * rng.uniform(least, most),
        angle=rng.uniform(0, np.pi),
        density=density,
        lobes=lobed * rng.normal(0, 1, (1, HARMONICS)),
        phases=rng.uniform(0, 2 * np.pi, (1, HARMONICS)),
        dome=1.0,
        soft=soft * radius,
        # The fatty hilum of a node.
        hollow=0.45 if node else 0.0,
        lucency=0.7 if node else 0.0,
    )
    parts = [body]
    if "MICROLOBULATED" in edges:
        parts.append(_bumps(body, rng))
    if "SPICULATED" in edges or "ARCHITECTURAL_DISTORTION" in shapes:
        parts.append(_spicules(radius, rng))
    return join(parts)


def _bumps(body: Particles, rng: Generator) -> Particles:
    """Short undulations along the edge of the body."""
    n = int(rng.integers(9, 15))
    turn = np.arange(n) * (2 * np.pi / n) + rng.normal(0, 0.1, n)
    u, v = 0.85 * body.a * np.cos(turn), 0.85 * body.b * np.sin(turn)
    cos, sin = np.cos(body.angle), np.sin(body.angle)
    size = 0.22 * body.b * rng.uniform(0.7, 1.2, n)
    return particles(u * cos - v * sin, u * sin + v * cos, size, density=0.4, dome=1.0)


def _spicules(radius: float, rng: Generator) -> Particles:
    """Thin lines that radiate from the middle."""
    n = int(rng.integers(11, 19))
    turn = np.arange(n) * (2 * np.pi / n) + rng.normal(0, 0.15, n)
    half = radius * rng.uniform(0.4, 0.75, n)
    middle = 0.45 * radius + half
    return particles(
        middle * np.cos(turn),
        middle * np.sin(turn),
        half,
        b=rng.uniform(0.02, 0.04, n) * radius,
        angle=turn,
        density=rng.uniform(0.2, 0.45, n),
        bend=rng.normal(0, 0.04, n),
        dome=1.0,
        soft=0.02 * radius,
    )
