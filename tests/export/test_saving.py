"""A SavedModel has its weights once, beside the graph."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_wa.errors import UserError
from keras_wa.export.saving import save_functions
from keras_wa.inference.classifier import open_classifier

IMAGES = np.random.default_rng(0).random((3, 32, 32, 1)).astype("float32")
SIGNATURE = tf.TensorSpec((None, 32, 32, 1), tf.float32, "roi")


def network() -> keras.Model:
    """Some 90,000 weights."""
    inputs = keras.Input((32, 32, 1))
    x = layers.Flatten()(layers.Conv2D(4, 3, strides=2)(inputs))
    x = layers.Dense(100, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(2)(x))


def test_the_input_is_named_and_outputs_are_those_of_the_model(tmp_path: Path) -> None:
    model = network()
    save_functions(model, tmp_path, SIGNATURE)
    loaded = tf.saved_model.load(tmp_path)
    np.testing.assert_allclose(loaded.serve(IMAGES), model(IMAGES), atol=1e-6)
    outputs = loaded.signatures["serving_default"](roi=tf.constant(IMAGES[:2]))
    np.testing.assert_allclose(outputs["output_0"], model(IMAGES[:2]), atol=1e-6)


def test_all_functions_share_the_weights(tmp_path: Path) -> None:
    model = network()
    further = {"explain": lambda roi: {"outputs": model(roi, training=False)}}
    save_functions(model, tmp_path, SIGNATURE, further)
    loaded = tf.saved_model.load(tmp_path)
    found = loaded.signatures["explain"](roi=tf.constant(IMAGES))["outputs"]
    np.testing.assert_allclose(found, model(IMAGES), atol=1e-6)
    size = 4 * model.count_params()
    (data,) = (tmp_path / "variables").glob("*.data-*")
    assert size < data.stat().st_size < 1.1 * size
    assert (tmp_path / "saved_model.pb").stat().st_size < size


def test_what_is_no_savedmodel_is_named(tmp_path: Path) -> None:
    (tmp_path / "assets.extra").mkdir(parents=True)
    (tmp_path / "assets.extra" / "keras_wa.json").write_text("{}")
    (tmp_path / "saved_model.pb").write_bytes(b"no protocol buffer")
    with pytest.raises(UserError, match="no SavedModel that can be read"):
        open_classifier(tmp_path)
