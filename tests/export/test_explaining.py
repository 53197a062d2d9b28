"""A SavedModel explains as this package does, in a process without it."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_wa.data.io.clahe import clahe
from keras_wa.data.io.resize import resize
from keras_wa.errors import UserError
from keras_wa.explain.feature_map import find_feature_map
from keras_wa.explain.gradcam import grad_cam
from keras_wa.export.saved_model import explaining_function
from keras_wa.inference.classifier import open_classifier
from keras_wa.inference.pictures import Pictures
from keras_wa.layers import SqueezeExcite
from keras_wa.training.best import load_best
from keras_wa.training.config import TrainConfig
from keras_wa.training.run import Run
from tests.processes import python

_SERVE = """
import sys

sys.modules["keras_wa"] = sys.modules["keras"] = None  # Importing them fails.
import numpy as np
import tensorflow as tf

model = tf.saved_model.load(sys.argv[1])
rois = tf.constant(np.load(sys.argv[2]))
explain = model.signatures["serve_explain"]
np.savez(sys.argv[3], plain=model.serve(rois), **explain(roi=rois))
"""


def test_heat_and_gates_are_those_of_this_package(
    finished: Path, exported: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    rois = rng.integers(0, 256, (5, 50, 44, 1), "uint8")
    np.save(tmp_path / "rois.npy", rois)
    python("-c", _SERVE, exported, "rois.npy", "found.npz", cwd=tmp_path)
    found = np.load(tmp_path / "found.npz")

    network = load_best(Run.open(finished))
    images = np.stack([clahe(resize(roi[..., 0], (32, 32))) for roi in rois])
    images = images[..., None].astype("float32") / 255
    np.testing.assert_allclose(found["probabilities"], found["plain"], atol=1e-6)
    np.testing.assert_allclose(
        found["probabilities"], np.asarray(network(images)), atol=1e-4
    )
    np.testing.assert_allclose(found["heat"], grad_cam(network, images), atol=1e-3)
    (gate,) = (each for each in network.layers if isinstance(each, SqueezeExcite))
    maps = keras.Model(network.input, gate.input)(images)
    np.testing.assert_allclose(found["gates"], np.asarray(gate.gates(maps)), atol=1e-4)

    card = json.loads((exported / "assets.extra" / "keras_wa.json").read_text())
    assert card["explain"]["gates"] == [["gate", 8]]
    assert find_feature_map(network)[0] in card["explain"]["heat"]


def test_it_shows_the_pictures_that_its_run_shows(
    finished: Path, exported: Path
) -> None:
    roi = np.random.default_rng(0).integers(0, 256, (32, 32), "uint8")
    served = Pictures(open_classifier(exported))
    wanted, found = Pictures(open_classifier(finished)).of(roi), served.of(roi)
    assert served.why_no_heat == ""
    np.testing.assert_array_equal(found.seen, wanted.seen)
    np.testing.assert_array_equal(found.bands, wanted.bands)
    np.testing.assert_allclose(found.heat, wanted.heat, rtol=0, atol=1e-3)
    without = Pictures(open_classifier(finished / "saved_model"))
    assert "`export_saved_model(explain=True)`" in without.why_no_heat
    assert without.of(roi).heat is None


def test_a_network_without_a_dense_layer_at_its_end_is_refused() -> None:
    roi = keras.Input((32, 32, 1))
    x = keras.layers.Conv2D(2, 3)(roi)
    x = keras.layers.GlobalAveragePooling2D()(x)
    network = keras.Model(roi, keras.layers.Softmax()(x))
    with pytest.raises(
        UserError, match=r"`explain=True`: this network has no heat map"
    ):
        explaining_function(network, TrainConfig(image_size=32))
