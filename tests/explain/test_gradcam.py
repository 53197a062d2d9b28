"""Grad-CAM against what it is known to be, and its form."""

from __future__ import annotations

import cv2
import keras
import numpy as np
import pytest
from keras import layers

from keras_wa.errors import UserError
from keras_wa.explain.gradcam import grad_cam, make_grad_cam
from keras_wa.explain.model_inputs import model_inputs
from keras_wa.explain.randomisation import reinitialised
from keras_wa.explain.scores import pointing_game
from keras_wa.models.ensemble import join
from tests.explain.networks import gap_network, smooth_network, spot_network, spots
from tests.tiny_model import tiny

SIZE = 16


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).random((5, SIZE, SIZE, 1), dtype=np.float32)


def _heat(cam: np.ndarray, size: int = SIZE) -> np.ndarray:
    """ReLU, OpenCV's bilinear upsampling, division by the maximum."""
    large = [cv2.resize(np.maximum(each, 0), (size, size)) for each in cam]
    return np.stack([each / max(each.max(), 1e-30) for each in large])


@pytest.mark.parametrize("target", [0, 1])
def test_after_global_pooling_it_is_the_class_activation_map(images, target):
    model = gap_network()
    maps = keras.Model(model.input, model.get_layer("map").output)(images)
    kernel = np.asarray(model.get_layer("head").kernel)
    difference = kernel[:, target] - kernel[:, 1 - target]
    cam = np.einsum("nhwc,c->nhw", np.asarray(maps), difference)
    heat = grad_cam(model, images, target=target)
    assert heat.max() == 1
    assert np.allclose(heat, _heat(cam), atol=1e-5)


def test_of_an_early_map_the_channels_weights_are_finite_differences(images):
    model = smooth_network()
    trunk = keras.Model(model.input, model.get_layer("a").output)
    features = keras.Model(model.get_layer("a").output, model.get_layer("head").input)
    kernel, bias = map(np.asarray, model.get_layer("head").weights)

    def log_odds(maps: np.ndarray) -> np.ndarray:
        logits = np.asarray(features(maps), np.float64) @ kernel + bias
        return logits[:, 1] - logits[:, 0]

    maps = np.asarray(trunk(images))
    step = 0.01
    slopes = []
    for channel in range(maps.shape[-1]):
        shift = np.zeros(maps.shape[-1], np.float32)
        shift[channel] = step
        slopes.append((log_odds(maps + shift) - log_odds(maps - shift)) / (2 * step))
    cam = np.einsum("nhwc,cn->nhw", maps, np.stack(slopes))
    assert np.allclose(grad_cam(model, images, layer="a"), _heat(cam), atol=5e-3)


def test_a_saturated_softmax_does_not_hide_the_evidence(images):
    model = gap_network()
    before = grad_cam(model, images)
    model.trainable = False  # A frozen model is explained too.
    model.get_layer("head").bias.assign([0.0, 200.0])
    assert (model.predict(images, verbose=0)[:, 1] == 1).all()
    assert np.array_equal(grad_cam(model, images), before)


def test_what_the_softmax_cancels_changes_nothing(images):
    """The same weights added to all classes leave every probability as it is."""
    model = gap_network()
    before = grad_cam(model, images)
    kernel, bias = model.get_layer("head").get_weights()
    same = np.random.default_rng(3).normal(0, 3, (len(kernel), 1))
    model.get_layer("head").set_weights([kernel + same, bias + 1])
    np.testing.assert_allclose(grad_cam(model, images), before, atol=1e-4)


def test_of_three_classes_one_is_explained_against_the_two_others(images):
    roi = keras.Input((SIZE, SIZE, 1))
    maps = layers.Conv2D(4, 3, activation="relu", name="map")(roi)
    pooled = layers.GlobalAveragePooling2D()(maps)
    head = layers.Dense(3, activation="softmax", bias_initializer="ones")
    model = keras.Model(roi, head(pooled))
    found = np.asarray(keras.Model(roi, maps)(images), np.float64)
    kernel, bias = map(np.asarray, head.weights)

    def log_odds(pooled: np.ndarray) -> np.ndarray:
        p = np.exp(pooled @ kernel + bias)
        p /= p.sum(axis=1, keepdims=True)
        return np.log(p[:, 1] / (1 - p[:, 1]))

    at, step = found.mean(axis=(1, 2)), 1e-5
    slopes = [
        (log_odds(at + shift) - log_odds(at - shift)) / (2 * step)
        for shift in step * np.eye(4)
    ]
    cam = np.einsum("nhwc,cn->nhw", found, np.stack(slopes))
    heat = grad_cam(model, images, target=1)
    np.testing.assert_allclose(heat, _heat(cam), atol=1e-4)


def test_a_network_that_sees_bright_spots_points_at_them():
    rois, masks = spots(40)
    heat = grad_cam(spot_network(), rois[..., None])
    assert pointing_game(heat, masks).tolist() == [1.0] * 40
    # What speaks against the class is cold.
    assert not grad_cam(spot_network(), rois[..., None], target=0).any()


def test_the_batches_do_not_matter(images):
    model = gap_network()
    whole = grad_cam(model, images)
    assert np.allclose(grad_cam(model, images, batch_size=2), whole, atol=1e-6)
    assert grad_cam(model, images[:0]).shape == (0, SIZE, SIZE)


def test_subbands_give_heat_of_the_size_of_the_roi():
    rois = np.random.default_rng(1).random((3, 32, 32), dtype=np.float32)
    inside, outside = tiny(), tiny(dwt="pipeline")
    outside.set_weights(inside.get_weights())
    expected = grad_cam(inside, rois[..., None])
    inputs = model_inputs(rois, "haar")
    heat = grad_cam(outside, inputs, size=(32, 32))
    assert heat.shape == expected.shape == (3, 32, 32)
    assert np.allclose(heat, expected, atol=1e-4)


def test_a_traced_function_explains_the_weights_that_are_set_later(images):
    model = gap_network()
    explain = make_grad_cam(model)
    explain(images)
    other = reinitialised(model, seed=3)
    model.set_weights(other.get_weights())
    assert np.array_equal(explain(images), grad_cam(other, images))


def test_a_model_must_end_in_a_dense_layer(images):
    roi = keras.Input((SIZE, SIZE, 1))
    x = layers.GlobalAveragePooling2D(name="end")(layers.Conv2D(2, 3)(roi))
    with pytest.raises(ValueError, match="Received: GlobalAveragePooling2D 'end'"):
        grad_cam(keras.Model(roi, x), images)


def test_the_heat_of_an_ensemble_is_the_mean_of_its_members(images):
    networks = [gap_network(seed=0), gap_network(seed=1), smooth_network()]
    ensemble = join(networks, [1.0, 2.0, 0.5])
    heats = [grad_cam(network, images) for network in networks]
    mean = np.mean(heats, axis=0)
    wanted = mean / mean.max(axis=(1, 2), keepdims=True)
    assert np.allclose(grad_cam(ensemble, images), wanted, atol=1e-5)
    one = grad_cam(ensemble, images, "member1_map")
    assert np.allclose(one, heats[1], atol=1e-6)
    with pytest.raises(UserError, match="Unknown layer"):
        grad_cam(ensemble, images, "map")
