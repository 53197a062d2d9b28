from __future__ import annotations

import numpy as np
import pytest

from keras_wa.errors import UserError
from keras_wa.phantom.masses import draw_mass
from keras_wa.phantom.particles import draw, reach_mm

FIELD = 20.0


def mass(shape="ROUND", margins="CIRCUMSCRIBED", seed=0):
    return draw_mass(shape, margins, FIELD, np.random.default_rng(seed))


def picture(parts):
    return draw(parts, 200, 0.1)


def test_round_mass_is_rounder_than_an_oval_one():
    def ratio(shape):
        bodies = [mass(shape, seed=seed) for seed in range(20)]
        return np.mean([body.b[0] / body.a[0] for body in bodies])

    assert ratio("ROUND") > 0.9 > 0.8 > ratio("OVAL")


def test_ill_defined_edge_is_softer_than_a_circumscribed_one():
    def steepest(margins):
        return np.abs(np.diff(picture(mass(margins=margins)), axis=1)).max()

    assert steepest("ILL_DEFINED") < 0.75 * steepest("CIRCUMSCRIBED")


def test_spicules_reach_far_beyond_the_body():
    parts = mass("IRREGULAR", "SPICULATED", seed=1)
    far = np.hypot(parts.x, parts.y) + reach_mm(parts)

    assert len(parts) > 10
    assert far[1:].max() > 1.3 * parts.a[0]
    along = np.cos(parts.angle[1:] - np.arctan2(parts.y[1:], parts.x[1:]))
    np.testing.assert_allclose(along, 1)


def test_microlobulated_edge_undulates():
    assert len(mass(margins="MICROLOBULATED")) > 8
    assert len(mass()) == 1


def test_lymph_node_has_a_lucent_middle():
    node = picture(mass("LYMPH_NODE"))
    plain = picture(mass("OVAL"))

    assert node[99:101, 99:101].max() < 0.5 * node.max()
    assert plain[99:101, 99:101].max() > 0.9 * plain.max()


def test_architectural_distortion_has_hardly_a_body():
    parts = mass("ARCHITECTURAL_DISTORTION", "")

    assert parts.density[0] < 0.5
    assert len(parts) > 10


def test_unnamed_shape_and_margins_are_a_round_ill_defined_mass():
    np.testing.assert_array_equal(mass("", "").b, mass("ROUND", "ILL_DEFINED").b)


def test_mass_of_a_small_field_is_small():
    parts = draw_mass("ROUND", "OBSCURED", 8.0, np.random.default_rng(2))

    assert parts.a[0] <= 2.0


@pytest.mark.parametrize(
    ("shape", "margins", "told"),
    [
        ("ROUNDISH", "OBSCURED", "did you mean 'ROUND'"),
        ("OVAL", "SPICULATE", "did you mean 'SPICULATED'"),
    ],
)
def test_unknown_name_is_refused(shape, margins, told):
    with pytest.raises(UserError, match=told):
        mass(shape, margins)
