"""The encoder's parameters and equations, against NumPy."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.special import erf, softmax

from keras_wa.errors import UserError
from keras_wa.models.transformer import encoded


def built(depth: int = 1, heads: int = 2, dropout: float = 0.0) -> keras.Model:
    features = keras.Input((2, 3, 8))
    return keras.Model(features, encoded(features, depth, heads, dropout))


def normalise(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> np.ndarray:
    spread = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-6)
    return gamma * (x - x.mean(axis=-1, keepdims=True)) / spread + beta


def test_a_block_follows_the_equations_of_the_paper() -> None:
    model = built()
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, 0.5, w.shape) for w in model.get_weights()])
    weights = {layer.name: layer.get_weights() for layer in model.layers}
    x = rng.normal(size=(3, 2, 3, 8))

    first, positions = weights["vit_tokens"]
    z = np.concatenate([np.repeat(first, 3, axis=0), x.reshape(3, 6, 8)], axis=1)
    z = z + positions
    y = normalise(z, *weights["vit_block1_1_norm"])
    wq, bq, wk, bk, wv, bv, wo, bo = weights["vit_block1_attention"]
    q, k, v = (
        np.einsum("btc,chd->bthd", y, w) + b for w, b in ((wq, bq), (wk, bk), (wv, bv))
    )
    attention = softmax(np.einsum("bthd,bshd->bhts", q, k) / np.sqrt(4), axis=-1)
    mixed = np.einsum("bhts,bshd->bthd", attention, v)
    z = z + np.einsum("bthd,hdc->btc", mixed, wo) + bo
    y = normalise(z, *weights["vit_block1_2_norm"])
    w1, b1 = weights["vit_block1_mlp1"]
    w2, b2 = weights["vit_block1_mlp2"]
    hidden = y @ w1 + b1
    z = z + (hidden * (1 + erf(hidden / np.sqrt(2))) / 2) @ w2 + b2
    wanted = normalise(z[:, 0], *weights["vit_norm"])

    np.testing.assert_allclose(model(x.astype("float32")), wanted, atol=1e-4)


def test_a_block_has_12_w2_plus_13_w_parameters() -> None:
    width, tokens = 8, 7
    once, twice = built(1).count_params(), built(2).count_params()
    assert twice - once == 12 * width**2 + 13 * width
    assert once == 12 * width**2 + 13 * width + (1 + tokens) * width + 2 * width


def test_dropout_reaches_every_residual_branch() -> None:
    layers = [
        layer
        for layer in built(2, dropout=0.3).layers
        if isinstance(layer, keras.layers.Dropout)
    ]
    assert [layer.rate for layer in layers] == [0.3] * 5


def test_heads_that_do_not_divide_the_width_are_named() -> None:
    with pytest.raises(UserError, match=r"`heads` must divide `width`\. Received: 3"):
        built(heads=3)
