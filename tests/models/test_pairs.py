"""Pairs of ROIs pass one classifier; `run_model_test` checks it for every model."""

from __future__ import annotations

import keras
import numpy as np

from keras_wa.metrics.fusion import fuse_views
from keras_wa.models import create_model
from keras_wa.models.pairs import on_pairs
from keras_wa.training.flops import gflops

SIDE = 64


def test_a_pair_has_the_head_on_the_mean_of_the_features() -> None:
    network = create_model("attention_cnn", image_size=SIDE)
    model = on_pairs(network)
    assert model.output_shape == (None, 2)
    same = zip(model.trainable_variables, network.trainable_variables, strict=True)
    assert all(one is other for one, other in same), "in the same order"
    pairs = np.random.default_rng(0).random((3, 2, SIDE, SIDE, 1), "float32")
    found = np.asarray(model(pairs))
    single = np.asarray(network(pairs.reshape(6, SIDE, SIDE, 1)))
    fused = fuse_views(single, [0, 0, 1, 1, 2, 2])
    np.testing.assert_allclose(found, fused[::2], atol=1e-5)
    # By hand, from the features.
    head = network.get_layer(network.output_names[0])
    trunk = keras.Model(network.input, head.input)
    features = np.asarray(trunk(pairs.reshape(6, SIDE, SIDE, 1)))
    mean = features.reshape(3, 2, -1).mean(axis=1).astype("float32")
    np.testing.assert_allclose(found, np.asarray(head(mean)), atol=1e-5)


def test_a_pair_costs_at_most_a_twentieth_more_than_two_rois() -> None:
    network = create_model("attention_cnn", image_size=SIDE)
    both = 2 * gflops(network)
    assert 0.99 * both <= gflops(on_pairs(network)) <= 1.05 * both
