"""Calcifications of a lesion, by the type and distribution of the case lists."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from keras_wa.errors import unknown_name
from keras_wa.phantom import shapes
from keras_wa.phantom.distributions import Sites, place, place_in_space
from keras_wa.phantom.particles import Particles, join

Generator = np.random.Generator

SUSPICIOUS = frozenset({"AMORPHOUS", "PLEOMORPHIC", "FINE_LINEAR_BRANCHING"})
"""Suspicious morphology by BI-RADS; every other type is typically benign."""


def is_suspicious(morphology: str) -> bool:
    """Returns whether a type, or one joined by hyphens, is suspicious by BI-RADS."""
    return not SUSPICIOUS.isdisjoint(morphology.split("-"))


def faintness(morphology: str) -> float:
    """Returns the contrast of a type relative to the others."""
    return 0.65 if morphology == "AMORPHOUS" else 1.0


def calcify(
    morphology: str,
    distribution: str,
    field_mm: float,
    rng: Generator,
    view: str | None = None,
) -> Particles:
    """Draws the calcifications of one lesion.

    The components of a combined type (`ROUND_AND_REGULAR-LUCENT_CENTER`) have equal
    shares. Large types shrink to fit a small field. With a `view`, the positions are
    drawn in three dimensions and projected: generators of the same state give the same
    lesion in each view.

    Raises:
        UserError: a type or distribution is unknown.
    """
    names = list(dict.fromkeys(morphology.split("-")))
    parts = []
    for name in names:
        if name not in _KINDS:
            raise unknown_name("type of calcification", name, _KINDS)
        kind = _KINDS[name]
        count = int(rng.integers(kind.fewest, kind.most + 1))
        count = max(1, round(count / len(names)))
        gap = min(kind.gap_mm, 0.2 * field_mm)
        if view is None:
            sites = place(distribution, count, field_mm, rng, gap)
        else:
            space = place_in_space(distribution, count, field_mm, rng, gap)
            sites = space.seen(view)
        parts.append(kind.shape(sites, field_mm, rng))
    return join(parts)


@dataclasses.dataclass(frozen=True)
class _Kind:
    """How a type is drawn: `fewest` to `most` shapes (or vessels, stems) per field."""

    fewest: int
    most: int
    gap_mm: float
    shape: Callable[[Sites, float, Generator], Particles]


_KINDS = {
    "PUNCTATE": _Kind(10, 24, 0.5, shapes.punctate),
    "ROUND_AND_REGULAR": _Kind(5, 14, 0.9, shapes.round_and_regular),
    "LUCENT_CENTER": _Kind(2, 6, 2.2, shapes.lucent_center),
    "LUCENT_CENTERED": _Kind(2, 6, 2.2, shapes.lucent_center),
    "EGGSHELL": _Kind(1, 3, 4.0, shapes.eggshell),
    "COARSE": _Kind(1, 3, 4.0, shapes.coarse),
    "LARGE_RODLIKE": _Kind(4, 9, 1.4, shapes.large_rodlike),
    "VASCULAR": _Kind(1, 2, 4.0, shapes.vascular),
    "DYSTROPHIC": _Kind(2, 5, 2.4, shapes.dystrophic),
    "AMORPHOUS": _Kind(8, 20, 0.4, shapes.amorphous),
    "PLEOMORPHIC": _Kind(10, 24, 0.35, shapes.pleomorphic),
    "FINE_LINEAR_BRANCHING": _Kind(4, 9, 0.8, shapes.fine_linear_branching),
    "SKIN": _Kind(4, 10, 0.9, shapes.skin),
    "MILK_OF_CALCIUM": _Kind(5, 12, 0.9, shapes.milk_of_calcium),
}

MORPHOLOGIES = tuple(_KINDS)
"""The single types; a case's type is one, or several joined by hyphens."""
