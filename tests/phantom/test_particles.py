from __future__ import annotations

import numpy as np
import pytest

from keras_wa.phantom.particles import (
    CORNERS,
    HARMONICS,
    NO_SIDE,
    draw,
    join,
    particles,
)

PIXEL = 0.1
HERE = np.array([0.0])


def one(a=1.5, x=0.0, y=0.0, **fields):
    """A plate of even thickness unless `fields` say otherwise."""
    fields.setdefault("dome", 0.0)
    return particles(np.array([x]), np.array([y]), np.array([a]), **fields)


def area(parts) -> float:
    return draw(parts, 96, PIXEL).sum() * PIXEL**2


CIRCLE = np.pi * 1.5**2
LOBES = np.array([[0.2, 0.1, 0.05, 0.1]])
CUT = np.full((1, CORNERS), NO_SIDE)
CUT[0, 2] = 0.5
SEGMENT = np.arccos(0.5) - 0.5 * np.sqrt(1 - 0.5**2)

AREAS = {
    "small circle": ({"a": 0.2}, np.pi * 0.2**2),
    "circle": ({}, CIRCLE),
    "ellipse": ({"a": 2.0, "b": 0.8}, np.pi * 2.0 * 0.8),
    "turned ellipse": ({"a": 2.0, "b": 0.8, "angle": 0.6}, np.pi * 2.0 * 0.8),
    "ball": ({"dome": 1.0}, 2 / 3 * CIRCLE),
    "hollow": ({"hollow": 0.6, "lucency": 0.8}, CIRCLE * (1 - 0.8 * 0.6**2)),
    "lobes": (
        {"lobes": LOBES, "phases": np.arange(HARMONICS)[None, :]},
        CIRCLE * (1 + (LOBES**2).sum() / 2),
    ),
    "straight side": (
        {"sides": CUT, "normals": np.full((1, CORNERS), 1.0)},
        1.5**2 * (np.pi - SEGMENT),
    ),
}


@pytest.mark.parametrize(("fields", "expected"), AREAS.values(), ids=AREAS)
def test_a_particle_has_the_area_of_its_formula(fields, expected):
    assert area(one(**fields)) == pytest.approx(expected, rel=0.03)


def test_blunt_rod_has_more_area_than_the_ellipse():
    ellipse, rod = area(one(2.0, b=0.5)), area(one(2.0, b=0.5, blunt=1.0))

    # |x|^4 + y^2 < 1 against x^2 + y^2 < 1: 3.496 against pi.
    assert rod / ellipse == pytest.approx(3.496 / np.pi, rel=0.02)


def test_bent_rod_keeps_its_area_and_its_ends_leave_the_axis():
    straight = draw(one(2.0, b=0.3), 96, PIXEL)
    bent = draw(one(2.0, b=0.3, bend=0.4), 96, PIXEL)

    assert bent.sum() == pytest.approx(straight.sum(), rel=0.05)

    def height(image, column):
        weights = image[:, column]
        return (np.arange(96) * weights).sum() / weights.sum()

    middle, end = height(bent, 47), height(bent, 47 + 17)
    # y = -bend * a * ((x / a)^2 - 1/2)
    rise = 0.4 * 2.0 * (1.65 / 2.0) ** 2 / PIXEL
    assert abs(end - middle) == pytest.approx(rise, rel=0.1)


@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (1.23, -2.07), (-2.5, 0.449)])
def test_centroid_is_at_the_position(x, y):
    image = draw(one(0.6, x, y), 96, PIXEL)

    rows, columns = np.mgrid[:96, :96] * PIXEL
    centre = 95 / 2 * PIXEL
    assert (columns * image).sum() / image.sum() - centre == pytest.approx(x, abs=0.01)
    assert (rows * image).sum() / image.sum() - centre == pytest.approx(y, abs=0.01)


def test_soft_edge_is_wider_than_a_sharp_one():
    sharp, soft = (np.diff(draw(one(1.0, soft=s), 96, PIXEL)[47]) for s in (0, 0.3))

    assert np.abs(soft).max() < 0.3 * np.abs(sharp).max()


def test_particle_at_the_border_is_cut_and_one_outside_is_nothing():
    whole = draw(one(0.8), 96, PIXEL)
    half = draw(one(0.8, x=96 * PIXEL / 2), 96, PIXEL)

    assert half.sum() == pytest.approx(whole.sum() / 2, rel=0.02)
    assert not draw(one(0.8, x=30.0, y=-30.0), 96, PIXEL).any()


def test_particles_drawn_together_are_the_sum_of_each():
    rng = np.random.default_rng(0)
    parts = [
        one(a, *rng.uniform(-4, 4, 2), b=a / 2, angle=a, density=a)
        for a in (0.1, 0.3, 0.35, 1.0, 2.5)
    ]

    separate = sum(draw(part, 96, PIXEL) for part in parts)
    together = join(parts)
    assert len(together) == 5
    np.testing.assert_allclose(draw(together, 96, PIXEL), separate, atol=1e-12)


def test_unknown_field_is_refused():
    with pytest.raises(TypeError, match="colour"):
        particles(HERE, HERE, np.ones(1), colour=1.0)
