"""An ensemble is the mean of its calibrated members, in one flat network."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from keras_wa.export.convolutions import for_cpu
from keras_wa.export.folding import fold
from keras_wa.layers import DWT2D
from keras_wa.metrics import apply_temperature
from keras_wa.models import create_model
from keras_wa.models.ensemble import MEMBERS, join, members_of
from tests.export.test_batch_normalization import kinds, trained

IMAGES = np.random.default_rng(0).random((5, 32, 32, 1)).astype("float32")
TEMPERATURES = [0.7, 1.0, 2.5]


def small(seed: int) -> keras.Model:
    """DWT, batch normalisation, and operations that are no layers."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((32, 32, 1), name="roi")
    x = layers.BatchNormalization(axis=-1)(DWT2D(name="dwt")(inputs))
    x = layers.ZeroPadding2D(1)(x)
    x = layers.BatchNormalization()(layers.Conv2D(6, 3, name="stem")(x))
    x = keras.ops.relu(x + layers.Conv2D(6, 3, padding="same", name="conv")(x))
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(2, activation="softmax", name="predictions")(x)
    return trained(keras.Model(inputs, outputs, name="small"))


@pytest.fixture(scope="module")
def networks() -> list[keras.Model]:
    """Two seeds of one system, and another system."""
    other = create_model("attention_cnn", image_size=32)
    return [small(0), small(1), trained(other)]


@pytest.fixture(scope="module")
def ensemble(networks: list[keras.Model]) -> keras.Model:
    return join(networks, TEMPERATURES)


def test_the_output_is_the_mean_of_the_calibrated_members(
    networks: list[keras.Model], ensemble: keras.Model
) -> None:
    wanted = [
        apply_temperature(np.clip(network(IMAGES)[:, -1], 0, 1), temperature)
        for network, temperature in zip(networks, TEMPERATURES, strict=True)
    ]
    assert np.ptp(wanted, axis=0).max() > 0.01, "the members differ"
    found = np.asarray(ensemble(IMAGES))
    np.testing.assert_allclose(found[:, -1], np.mean(wanted, axis=0), atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    members = keras.Model(ensemble.input, ensemble.get_layer(MEMBERS).output)(IMAGES)
    np.testing.assert_allclose(np.asarray(members)[..., -1].T, wanted, atol=1e-6)


def test_the_members_are_found_again_after_saving(
    networks: list[keras.Model], ensemble: keras.Model, tmp_path: Path
) -> None:
    ensemble.save(tmp_path / "ensemble.keras")
    loaded = keras.saving.load_model(tmp_path / "ensemble.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded(IMAGES), ensemble(IMAGES))
    found = members_of(loaded)
    for member, network in zip(found, networks, strict=True):
        np.testing.assert_array_equal(member(IMAGES), network(IMAGES))
    assert not any(isinstance(each, keras.Model) for each in loaded.layers), "flat"
    assert members_of(networks[0]) == []


def test_every_member_is_folded_as_if_it_were_alone(
    networks: list[keras.Model], ensemble: keras.Model
) -> None:
    folded = fold(ensemble)
    kind = ("BatchNormalization", "DWT2D")
    assert all(kinds(ensemble).count(each) >= 2 for each in kind)
    alone = [kinds(fold(network)) for network in networks]
    for each in (*kind, "Conv2D"):
        assert kinds(folded).count(each) == sum(one.count(each) for one in alone)
    assert kinds(folded).count("DWT2D") == 0
    wanted = np.asarray(ensemble(IMAGES))
    np.testing.assert_allclose(for_cpu(folded)(IMAGES), wanted, rtol=0, atol=1e-5)


def test_networks_of_other_inputs_or_classes_are_refused() -> None:
    first = create_model("attention_cnn", image_size=32)
    for other in ({"image_size": 48}, {"image_size": 32, "classes": 3}):
        with pytest.raises(ValueError, match="received 2 kinds of inputs and outputs"):
            join([first, create_model("attention_cnn", **other)], [1.0, 1.0])
