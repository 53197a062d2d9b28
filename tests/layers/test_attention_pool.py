"""Soft attention by its equations, hard attention by sorting, and its gradient."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.special import softmax

from keras_wa.layers import AttentionPool2D
from keras_wa.testing import run_layer_test


def filled(keep: float) -> tuple[AttentionPool2D, np.ndarray, np.ndarray]:
    """A layer with random weights, a map, and the scores by the equations."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 4, 5, 6)).astype("float32")
    layer = AttentionPool2D(units=7, keep=keep)
    layer.build(x.shape)
    w, b, v = (rng.standard_normal(each.shape) for each in layer.weights)
    layer.set_weights([w, b, v])
    scores = (np.tanh(x.reshape(3, 20, 6) @ w + b) @ v)[..., 0]
    return layer, x, scores


def pooled(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.einsum("bn,bnc->bc", weights, x.reshape(3, 20, 6))


def test_soft_attention_follows_the_equations() -> None:
    layer, x, scores = filled(keep=1.0)
    weights = softmax(scores, axis=1)
    assert weights.max() > 0.2
    np.testing.assert_allclose(layer.weights_of(x), weights, atol=1e-5)
    np.testing.assert_allclose(layer(x), pooled(x, weights), atol=1e-5)


def test_hard_attention_is_the_mean_of_the_places_that_score_highest() -> None:
    layer, x, scores = filled(keep=0.23)
    assert layer.kept == 5  # Of 20, rounded up.
    rank = (-scores).argsort(axis=1).argsort(axis=1)
    weights = (rank < 5) / 5
    np.testing.assert_allclose(layer.weights_of(x), weights, atol=1e-6)
    np.testing.assert_allclose(layer(x), pooled(x, weights), atol=1e-5)


def test_hard_attention_learns_by_the_soft_one_s_gradient() -> None:
    tf = pytest.importorskip("tensorflow")
    soft, x, _ = filled(keep=1.0)
    hard, _, _ = filled(keep=0.25)
    direction = np.random.default_rng(1).random((3, 20), "float32")
    gradients = []
    for layer in (soft, hard):
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(layer.weights_of(x) * direction)
        variables = [weight.value for weight in layer.trainable_weights]
        gradients.append(tape.gradient(value, variables))
    for mine, wanted in zip(gradients[1], gradients[0], strict=True):
        assert np.abs(wanted).max() > 1e-3
        np.testing.assert_allclose(mine, wanted, atol=1e-6)


def test_training_and_inference_give_the_same() -> None:
    layer, x, _ = filled(keep=0.25)
    model = keras.Sequential([keras.Input(x.shape[1:]), layer])
    np.testing.assert_array_equal(model(x, training=True), model(x, training=False))


def test_among_equal_scores_exactly_the_asked_for_number_is_kept() -> None:
    layer = AttentionPool2D(keep=0.5)
    x = np.ones((1, 3, 3, 2), "float32")
    layer.build(x.shape)
    weights = keras.ops.convert_to_numpy(layer.weights_of(x))
    np.testing.assert_allclose(weights.ravel(), [0.2] * 5 + [0] * 4, atol=1e-6)


@pytest.mark.parametrize("changes", [{"units": 0}, {"keep": 0.0}, {"keep": 1.5}])
def test_a_value_out_of_range_is_refused(changes: dict) -> None:
    with pytest.raises(ValueError, match="Received"):
        AttentionPool2D(**changes)


def test_an_unknown_size_is_refused() -> None:
    with pytest.raises(ValueError, match="size must be known"):
        AttentionPool2D().build((None, None, 4, 8))


@pytest.mark.parametrize("keep", [1.0, 0.3])
def test_contract(keep: float) -> None:
    run_layer_test(
        AttentionPool2D,
        {"units": 5, "keep": keep},
        (4, 3, 5, 6),
        output_shape=(4, 6),
        # Half precision may round two scores into another order.
        half_tolerance=2e-2 if keep == 1 else None,
    )
