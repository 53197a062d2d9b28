"""Gate profiles are those of the gates that the network multiplies with."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from keras_wa.explain.gates import GATE_COLUMNS, gate_profiles, write_gate_figure
from keras_wa.layers import SqueezeExcite
from tests.explain.networks import gap_network


@pytest.fixture(scope="module")
def gated() -> keras.Model:
    """Two gates whose weights are not those of the start."""
    keras.utils.set_random_seed(1)
    roi = keras.Input((16, 16, 1))
    x = layers.Conv2D(6, 3, padding="same")(roi)
    x = SqueezeExcite(ratio=2, name="first")(x)
    x = layers.Conv2D(4, 3, strides=2)(x)
    x = SqueezeExcite(ratio=2, name="second")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(roi, layers.Dense(2, activation="softmax")(x))
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(0, 0.7, w.shape) for w in model.weights])
    return model


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).random((7, 16, 16, 1), dtype=np.float32)


LABELS = np.array([0, 1, 1, 0, 1, 0, 1])


def test_means_and_spreads_are_those_of_output_over_input(gated, images):
    profiles = gate_profiles(gated, images, LABELS, batch_size=3)
    assert tuple(profiles.columns) == GATE_COLUMNS
    assert len(profiles) == 2 * (6 + 4)
    for name in ("first", "second"):
        layer = gated.get_layer(name)
        before, after = keras.Model(gated.input, [layer.input, layer.output])(images)
        before, after = np.asarray(before), np.asarray(after)
        gates = after.sum(axis=(1, 2)) / before.sum(axis=(1, 2))
        for label in (0, 1):
            rows = profiles[profiles["layer"].eq(name) & profiles["label"].eq(label)]
            chosen = gates[label == LABELS]
            assert list(rows["channel"]) == list(range(gates.shape[1]))
            assert np.allclose(rows["mean"], chosen.mean(axis=0), atol=1e-3)
            assert np.allclose(rows["sd"], chosen.std(axis=0, ddof=1), atol=1e-3)
            assert set(rows["n"]) == {(label == LABELS).sum()}


def test_of_a_single_roi_the_spread_and_without_gates_the_profile_is_unknown(
    gated, images
):
    profiles = gate_profiles(gated, images[:1], LABELS[:1])
    assert set(profiles["label"]) == {0}
    assert profiles["sd"].isna().all()
    profiles = gate_profiles(gap_network(), images, LABELS)
    assert profiles.empty
    assert tuple(profiles.columns) == GATE_COLUMNS


def test_a_network_of_one_gate_has_a_profile(images):
    roi = keras.Input((16, 16, 1))
    x = SqueezeExcite(name="only")(layers.Conv2D(3, 3)(roi))
    model = keras.Model(roi, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    profiles = gate_profiles(model, images, LABELS)
    # Untrained gates stand at the sigmoid of 4.
    assert np.allclose(profiles["mean"], 0.982, atol=1e-3)
    assert np.allclose(profiles["sd"], 0, atol=1e-6)


def test_the_figure_is_a_png_that_replaces_the_old_one(gated, images, tmp_path):
    profiles = gate_profiles(gated, images, LABELS)
    path = tmp_path / "gates.png"
    path.write_text("old")
    write_gate_figure(profiles, path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [each.name for each in tmp_path.iterdir()] == ["gates.png"]
