"""A re-initialised network is the same one before any training."""

from __future__ import annotations

import random

import numpy as np

from keras_wa.explain.randomisation import reinitialised
from tests.tiny_model import tiny, weights_of


def test_every_drawn_weight_is_another_one_and_the_model_is_left_alone():
    model = tiny()
    for weight in model.weights:
        weight.assign(np.full(weight.shape, 0.37))
    before = weights_of(model)
    copy = reinitialised(model, seed=0)
    assert all(map(np.array_equal, weights_of(model), before))
    assert [w.shape for w in copy.weights] == [w.shape for w in model.weights]
    for weight in copy.weights:
        # The moving averages too: 0 and 1.
        assert not np.isclose(np.asarray(weight), 0.37, atol=1e-4).all()


def test_the_seed_decides_the_weights_and_nothing_else():
    model = tiny()
    random.seed(5)
    expected = random.random()
    random.seed(5)
    first, again, other = (reinitialised(model, seed) for seed in (1, 1, 2))
    assert random.random() == expected
    pairs = list(zip(weights_of(first), weights_of(again), strict=True))
    assert all(np.array_equal(a, b) for a, b in pairs)
    pairs = list(zip(weights_of(first), weights_of(other), strict=True))
    assert not all(np.array_equal(a, b) for a, b in pairs)
