from __future__ import annotations

import numpy as np
import pytest

from keras_wa.errors import UserError
from keras_wa.phantom.calcifications import (
    MORPHOLOGIES,
    calcify,
    faintness,
    is_suspicious,
)
from keras_wa.phantom.distributions import DISTRIBUTIONS
from keras_wa.phantom.particles import draw
from keras_wa.phantom.rates import kinds


@pytest.mark.parametrize("morphology", MORPHOLOGIES)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("field_mm", [7.3, 25.6])
def test_every_kind_shows_within_the_field(morphology, distribution, field_mm):
    size = 64
    for seed in range(3):
        rng = np.random.default_rng(seed)
        image = draw(
            calcify(morphology, distribution, field_mm, rng), size, field_mm / size
        )
        assert image.max() > 0.1
        # Never a field full of calcium: texture must remain to be told apart.
        assert (image > 0.1).mean() < 0.5


def test_every_type_of_the_official_lists_can_be_drawn():
    known = set(MORPHOLOGIES)

    assert all(known.issuperset(name.split("-")) for name in kinds()["morphology"])
    places = set(DISTRIBUTIONS)
    assert all(places.issuperset(name.split("-")) for name in kinds()["distribution"])


def test_combination_shows_each_of_its_types():
    rng = np.random.default_rng(0)
    parts = calcify("ROUND_AND_REGULAR-LUCENT_CENTER", "REGIONAL", 25.6, rng)

    assert (parts.hollow > 0).any()
    assert (parts.hollow == 0).any()


def test_combination_is_suspicious_if_one_type_is():
    assert is_suspicious("PLEOMORPHIC")
    assert is_suspicious("PUNCTATE-AMORPHOUS")
    assert is_suspicious("FINE_LINEAR_BRANCHING")
    assert not is_suspicious("COARSE-ROUND_AND_REGULAR-LUCENT_CENTER")
    assert not is_suspicious("VASCULAR")


def test_only_amorphous_ones_are_fainter():
    assert faintness("AMORPHOUS") < 1
    others = [name for name in MORPHOLOGIES if name != "AMORPHOUS"]
    assert {faintness(name) for name in others} == {1.0}


def test_unknown_type_suggests_the_nearest():
    with pytest.raises(UserError, match="did you mean 'PUNCTATE'"):
        calcify("PUNCTAT", "CLUSTERED", 25.6, np.random.default_rng(0))
