"""Weights beside the graph: the same outputs, and no weight in the graph."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from keras_wa.errors import UserError
from keras_wa.export.freezing import save_frozen
from keras_wa.export.variable_weights import load_with_variables
from keras_wa.inference.classifier import open_classifier

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("side", [32, 45])
def test_an_exported_run_gives_the_same(finished: Path, side: int) -> None:
    path = finished / "saved_model"
    rois = tf.constant(RNG.integers(0, 256, (5, side, side, 1), "uint8"))
    wanted = tf.saved_model.load(str(path)).serve(rois)
    np.testing.assert_allclose(
        load_with_variables(path)(rois), wanted, rtol=0, atol=1e-6
    )


def test_no_weight_stays_in_the_graph(tmp_path: Path) -> None:
    inputs = keras.Input((100,))
    x = layers.Dense(300, activation="relu")(inputs)
    model = keras.Model(inputs, layers.Dense(2)(x))
    further = {"explain": lambda roi: {"outputs": model(roi)}}
    signature = tf.TensorSpec((None, 100), tf.float32, "roi")
    save_frozen(model, tmp_path / "m", signature, further)
    serve = load_with_variables(tmp_path / "m")
    values = RNG.random((4, 100), "float32")
    np.testing.assert_allclose(
        serve(tf.constant(values)), model(values), rtol=0, atol=1e-5
    )
    # 4 bytes each of 100 * 300 weights, in both functions, are in the file.
    assert (tmp_path / "m" / "saved_model.pb").stat().st_size > 240_000
    assert serve.graph.as_graph_def().ByteSize() < 20_000  # type: ignore[attr-defined]


def test_one_of_another_make_is_read_as_tensorflow_does(tmp_path: Path) -> None:
    module = tf.Module()
    module.weight = tf.Variable(RNG.random((100, 300), "float32"))
    signature = [tf.TensorSpec((None, 100), tf.float32, "roi")]
    module.serve = tf.function(lambda roi: roi @ module.weight, signature)
    values = RNG.random((4, 100), "float32")
    for name, signatures in {"one": module.serve, "none": None}.items():
        tf.saved_model.save(module, str(tmp_path / name), signatures=signatures)
        found = load_with_variables(tmp_path / name)(tf.constant(values))
        np.testing.assert_allclose(found, module.serve(values), rtol=0, atol=1e-4)


def test_one_that_lacks_a_part_is_named(finished: Path, tmp_path: Path) -> None:
    saved = SavedModel()
    saved.ParseFromString((finished / "saved_model" / "saved_model.pb").read_bytes())
    for meta in saved.meta_graphs:
        del meta.graph_def.library.function[:]
    (tmp_path / "saved_model.pb").write_bytes(saved.SerializeToString())
    with pytest.raises(ValueError, match=r"saved_model\.pb: no function"):
        load_with_variables(tmp_path)


def test_what_is_no_savedmodel_is_named(finished: Path, tmp_path: Path) -> None:
    path = tmp_path / "m"
    (path / "assets.extra").mkdir(parents=True)
    (path / "assets.extra" / "keras_wa.json").write_text("{}")
    (path / "saved_model.pb").write_bytes(b"no protocol buffer")
    with pytest.raises(ValueError, match=r"saved_model\.pb"):
        load_with_variables(path)
    with pytest.raises(UserError, match="no SavedModel that can be read"):
        open_classifier(path, frozen=False)
