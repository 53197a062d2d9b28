"""A SavedModel has its weights once, beside the graph."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from keras_wa.errors import UserError
from keras_wa.export.cards import card_file
from keras_wa.export.convolutions import for_cpu
from keras_wa.export.guard import guarded
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
    np.testing.assert_array_equal(loaded.serve(IMAGES), model(IMAGES))
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


def test_constant_kernels_are_written_once(tmp_path: Path) -> None:
    inputs = keras.Input((32, 32, 1))
    x = layers.Conv2D(200, 11, padding="same")(inputs)
    model = for_cpu(keras.Model(inputs, layers.GlobalAveragePooling2D()(x)))
    save_functions(model, tmp_path, SIGNATURE, guard=guarded)
    size = 4 * model.count_params()
    assert size < (tmp_path / "saved_model.pb").stat().st_size < 2 * size
    (data,) = (tmp_path / "variables").glob("*.data-*")
    assert data.stat().st_size < size


def cut_off(folder: Path) -> None:
    (data,) = (folder / "variables").glob("*.data-*")
    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])


def without_functions(folder: Path) -> None:
    saved = SavedModel()
    saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    for meta in saved.meta_graphs:
        del meta.graph_def.library.function[:]
    (folder / "saved_model.pb").write_bytes(saved.SerializeToString())


def of_another_make(folder: Path) -> None:
    tf.saved_model.save(tf.Module(), str(folder))


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "saved_model.pb").write_bytes(b"no protocol buffer"),
        cut_off,
        without_functions,
        of_another_make,
    ],
    ids=["text", "cut off", "functions", "another make"],
)
def test_a_damaged_export_is_named_and_its_run_does_not_use_it(
    finished: Path, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    rois = np.random.default_rng(1).integers(0, 256, (3, 40, 40), np.uint8)
    wanted = open_classifier(finished)(rois)
    run = shutil.copytree(finished, tmp_path / "run")
    damage(run / "saved_model")
    with pytest.raises(UserError, match="no SavedModel that can be read"):
        open_classifier(run / "saved_model")
    np.testing.assert_allclose(open_classifier(run)(rois), wanted, atol=1e-5)


def test_an_export_of_another_format_is_not_used_for_its_run(
    finished: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(finished, tmp_path / "run")
    file = card_file(run / "saved_model")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format": 1}))
    cut_off(run / "saved_model")
    assert open_classifier(run).weights == open_classifier(finished).weights
