"""What holds for every registered model, at 64 px, where each must build and train."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_wa.models import create_model, list_models, model_options
from keras_wa.models.registry import model_source

SIDE = 64


@pytest.fixture(scope="module", params=list_models())
def model(request: pytest.FixtureRequest) -> Iterator[keras.Model]:
    """Each with three classes; one at a time, since some are large."""
    keras.utils.set_random_seed(0)
    yield create_model(request.param, image_size=SIDE, classes=3)
    keras.backend.clear_session()


def rois(count: int = 2) -> np.ndarray:
    rng = np.random.default_rng(0)
    # Faint, so that the untrained normalisation does not drive the softmax to 0 and 1.
    return 0.03 * rng.random((count, SIDE, SIDE, 1), "float32")


def output(model: keras.Model, x: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(x, training=False))


def test_a_roi_in_and_float32_probabilities_of_its_classes_out(
    model: keras.Model,
) -> None:
    assert model.input.name == "roi"
    assert model.input.shape == (None, SIDE, SIDE, 1)
    head = model.layers[-1]
    assert (head.name, head.compute_dtype) == ("predictions", "float32")
    probabilities = output(model, rois())
    assert (probabilities.shape, probabilities.dtype) == ((2, 3), np.float32)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert model.name in list_models()


def test_it_is_flat_and_of_named_layers_alone(model: keras.Model) -> None:
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    assert all(isinstance(each, keras.layers.Layer) for each in model.operations)
    model.get_layer("subband_norm")


def test_saved_and_loaded_it_gives_the_same(model: keras.Model, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    model.save(path)
    loaded = keras.models.load_model(path)
    assert [la.name for la in loaded.layers] == [la.name for la in model.layers]
    np.testing.assert_allclose(output(loaded, rois()), output(model, rois()), atol=1e-5)


def test_a_step_moves_the_first_and_the_last_weights(model: keras.Model) -> None:
    # Eager: tracing a ResNet-50 costs more than one step of it.
    model.compile(
        keras.optimizers.SGD(1e-3), "categorical_crossentropy", run_eagerly=True
    )
    ends = [model.trainable_weights[0], model.trainable_weights[-1]]
    before = [keras.ops.convert_to_numpy(weight).copy() for weight in ends]
    loss = model.train_on_batch(rois(), np.eye(3, dtype="float32")[[0, 2]])
    assert np.isfinite(loss)
    for weight, old in zip(ends, before, strict=True):
        new = keras.ops.convert_to_numpy(weight)
        assert np.isfinite(new).all()
        assert (new != old).any(), weight.path


def test_it_has_the_common_options_and_says_its_source(model: keras.Model) -> None:
    options = model_options(model.name)
    assert (options["image_size"], options["classes"]) == (224, 2)
    assert options.get("bn_momentum", 0.9) == 0.9
    assert 10 < len(model_source(model.name)) < 80
