"""Another TensorFlow may lack private parts: public ones then take their place."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_wa import tensorflow_internals as internals
from keras_wa.export.freezing import save_frozen
from keras_wa.export.variable_weights import load_with_variables
from keras_wa.models import create_model
from keras_wa.training.flops import gflops
from keras_wa.training.release import release_custom_gradients
from tests.processes import python
from tests.tiny_model import tiny

NAMES = [
    *("convert_variables_to_constants", "function_def_to_graph_def"),
    *("function_from_graph_def", "gradient_registry", "op_stats"),
    *("register_statistics", "save_context"),
]
REGISTRY = internals.gradient_registry
ROIS = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 1), np.uint8)


@pytest.fixture
def none_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setattr(internals, name, None)


def test_this_tensorflow_has_them_all() -> None:
    assert [name for name in NAMES if getattr(internals, name) is None] == []


def test_an_export_gives_the_same_with_its_weights_as_variables(
    tmp_path: Path, none_there: None
) -> None:
    model = tiny(image_size=32)
    inputs = keras.Input((32, 32, 1), dtype="uint8")
    whole = keras.Model(inputs, model(keras.layers.Rescaling(1 / 255)(inputs)))
    signature = tf.TensorSpec((None, 32, 32, 1), tf.uint8, "roi")
    save_frozen(whole, tmp_path / "saved", signature)
    expected = whole.predict(ROIS, verbose=0)
    found = load_with_variables(tmp_path / "saved")(ROIS)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    # In a process that has TensorFlow alone.
    code = (
        "import sys, numpy as np, tensorflow as tf\n"
        "loaded = tf.saved_model.load(sys.argv[1])\n"
        "found = loaded.serve(tf.constant(np.load(sys.argv[2])))\n"
        "np.testing.assert_allclose(found, np.load(sys.argv[3]), atol=1e-6)\n"
    )
    for name, array in (("rois", ROIS), ("expected", expected)):
        np.save(tmp_path / f"{name}.npy", array)
    words = [tmp_path / "saved", tmp_path / "rois.npy", tmp_path / "expected.npy"]
    python("-c", code, *map(str, words), cwd=tmp_path)


def test_what_cannot_be_counted_is_not_a_number(none_there: None) -> None:
    assert gflops(tiny(image_size=32)) > 0
    assert math.isnan(gflops(create_model("cnn_vit", image_size=32)))


def test_a_training_keeps_its_memory_and_goes_on(none_there: None) -> None:
    @tf.custom_gradient
    def doubled(x: tf.Tensor) -> Any:
        return 2 * x, lambda upstream: 2 * upstream

    assert REGISTRY is not None
    before = len(REGISTRY)
    with release_custom_gradients():
        result = tf.function(doubled)(tf.constant(3.0))
    assert float(result) == 6.0
    assert len(REGISTRY) > before, "nothing was kept: the fallback was not tested"
