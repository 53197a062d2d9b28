"""Tokens keep the map's order and know their places."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from keras_wa.layers import Tokens
from keras_wa.testing import run_layer_test


def test_the_class_token_and_then_the_map_row_by_row_each_with_its_position() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((2, 2, 3, 4), "float32")
    layer = Tokens()
    layer.build(x.shape)
    first, positions = rng.random((1, 1, 4)), rng.random((1, 7, 4))
    layer.set_weights([first, positions])
    found = keras.ops.convert_to_numpy(layer(x))
    assert found.shape == (2, 7, 4)
    for image in range(2):
        np.testing.assert_allclose(found[image, 0], first[0, 0] + positions[0, 0])
        for row in range(2):
            for column in range(3):
                place = 1 + 3 * row + column
                wanted = x[image, row, column] + positions[0, place]
                np.testing.assert_allclose(found[image, place], wanted, rtol=1e-6)


def test_it_starts_near_the_map_itself() -> None:
    layer = Tokens()
    x = np.ones((1, 8, 8, 32), "float32")
    offsets = keras.ops.convert_to_numpy(layer(x))[:, 1:] - 1
    assert 0.015 < offsets.std() < 0.025
    np.testing.assert_array_equal(layer.class_token, 0)


def test_an_unknown_size_is_refused() -> None:
    with pytest.raises(ValueError, match="size must be known"):
        Tokens().build((None, None, 4, 8))


def test_contract() -> None:
    run_layer_test(Tokens, {}, (3, 4, 5, 8), output_shape=(3, 21, 8))
