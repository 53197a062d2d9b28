"""The SavedModel gives the probabilities of the Keras model, and says what it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_wa.data.io.clahe import clahe
from keras_wa.data.io.resize import resize
from keras_wa.errors import UserError
from keras_wa.export.preparation import Preprocessing
from keras_wa.export.saved_model import (
    export_saved_model,
    load_best,
    model_card,
    serving_model,
)
from keras_wa.training.building import build_model
from keras_wa.training.config import TrainConfig
from keras_wa.training.run import Run
from tests.tiny_model import SETTINGS, weights_of

SIZES = [(32, 32), (57, 40), (101, 33), (224, 200)]


def _rois(size: tuple[int, int], count: int = 5) -> np.ndarray:
    """Smooth and textured grey ROIs, uint8 (count, height, width)."""
    rng = np.random.default_rng(size)
    y, x = np.mgrid[: size[0], : size[1]] / max(size)
    slopes = rng.uniform(-1, 1, (count, 2, 1, 1))
    smooth = 128 + 90 * np.sin(3 * (slopes[:, 0] * x + slopes[:, 1] * y))
    noise = rng.normal(0, rng.uniform(0, 30, (count, 1, 1)), (count, *size))
    return np.clip(smooth + noise, 0, 255).astype("uint8")


def _expected(
    model: keras.Model, rois: np.ndarray, size: int, enhanced: bool = True
) -> np.ndarray:
    """What the training pipeline makes of the ROIs: OpenCV, then the Keras model."""
    small = [resize(roi, (size, size)) for roi in rois]
    pixels = np.stack([clahe(roi) if enhanced else roi for roi in small])
    return np.asarray(model(pixels[..., None].astype("float32") / 255))


@pytest.mark.parametrize("size", SIZES)
def test_raw_rois_of_any_size_give_the_keras_models_probabilities(
    finished: Path, size: tuple[int, int]
) -> None:
    rois = _rois(size)
    served = tf.saved_model.load(str(finished / "saved_model"))
    outputs = served.signatures["serving_default"](roi=tf.constant(rois[..., None]))
    (probabilities,) = outputs.values()
    assert probabilities.dtype == tf.float32
    assert probabilities.shape == (len(rois), 2)
    expected = _expected(load_best(Run.open(finished)), rois, SETTINGS["image_size"])
    np.testing.assert_allclose(probabilities, expected, atol=1e-4)
    np.testing.assert_allclose(np.sum(probabilities, axis=1), 1, atol=1e-6)


def test_a_roi_is_served_alike_alone_and_in_a_batch(finished: Path) -> None:
    rois = _rois((40, 50), count=7)[..., None]
    served = tf.saved_model.load(str(finished / "saved_model"))
    together = np.asarray(served.serve(tf.constant(rois)))
    alone = [np.asarray(served.serve(tf.constant(roi[None])))[0] for roi in rois]
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize(
    "changes",
    [
        {"enhance": "none"},
        {"dwt": "pipeline", "model_options": {"wavelet": "db2"}},
        {"dwt": "pipeline", "precision": "mixed_bfloat16"},
    ],
    ids=str,
)
def test_what_the_pipeline_did_is_inside(
    tiny_model: None, changes: dict[str, Any]
) -> None:
    from keras_wa.layers import DWT2D

    config = TrainConfig(**{**SETTINGS, **changes})
    keras.utils.set_random_seed(1)
    model = build_model(config)
    rois = _rois((45, 64))
    served = np.asarray(
        serving_model(model, Preprocessing.of_config(config))(rois[..., None])
    )
    if config.dwt == "pipeline":
        wavelet = config.model_options.get("wavelet", "haar")
        roi = keras.Input((32, 32, 1))
        bands = DWT2D(wavelet=wavelet, dtype="float32")(roi)
        model = keras.Model(roi, model(bands))
    expected = _expected(model, rois, 32, enhanced=config.enhance == "clahe")
    np.testing.assert_allclose(served, expected, atol=1e-4)


def test_the_best_model_is_float32_whatever_it_was_trained_in(
    tmp_path: Path, tiny_model: None
) -> None:
    config = TrainConfig(**{**SETTINGS, "precision": "mixed_bfloat16"})
    keras.config.set_dtype_policy(config.precision)
    half = build_model(config)
    keras.config.set_dtype_policy("float32")
    run = Run.create(tmp_path / "run", config)
    half.save(run.best)
    model = load_best(run)
    assert {layer.compute_dtype for layer in half.layers} != {"float32"}
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    for actual, expected in zip(weights_of(model), weights_of(half), strict=True):
        np.testing.assert_array_equal(actual, expected)
    rois = np.random.default_rng(0).random((3, 32, 32, 1)).astype("float32")
    np.testing.assert_allclose(model(rois), half(rois), atol=0.02)


def test_the_card_inside_says_what_goes_in_and_comes_out(finished: Path) -> None:
    run = Run.open(finished)
    path = finished / "saved_model" / "assets.extra" / "keras_wa.json"
    card = json.loads(path.read_text())
    assert card == model_card(run, load_best(run))
    assert card["model"] == "tiny"
    assert card["trained_on"] == "phantom"
    assert card["labels"] == ["benign", "malignant"]
    assert card["wavelet"] == "haar"
    assert card["inside"]["resize"] == [32, 32]
    assert "Not a medical device" in card["warning"]


def test_an_older_saved_model_is_replaced_whole(finished: Path, tmp_path: Path) -> None:
    target = tmp_path / "served"
    shutil.copytree(finished / "saved_model", target)
    (target / "assets" / "stale").write_text("of the older one")
    run = Run.open(finished)
    assert export_saved_model(run, target) == target
    assert not (target / "assets" / "stale").exists()
    assert tf.saved_model.contains_saved_model(str(target))
    assert [path.name for path in tmp_path.iterdir()] == ["served"]


def test_a_failure_leaves_the_older_saved_model(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "served"
    shutil.copytree(finished / "saved_model", target)

    def fail(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr("keras_wa.export.saved_model.model_card", fail)
    with pytest.raises(OSError, match="no space"):
        export_saved_model(Run.open(finished), target)
    assert tf.saved_model.contains_saved_model(str(target))
    assert [path.name for path in tmp_path.iterdir()] == ["served"]


@pytest.mark.parametrize("kind", ["text", "cut", "other zip"])
def test_a_file_that_is_no_model_is_named(
    finished: Path, tmp_path: Path, kind: str
) -> None:
    run = Run(tmp_path, Run.open(finished).config)
    whole = (finished / "best.keras").read_bytes()
    if kind == "text":
        run.best.write_text("not a model")
    elif kind == "cut":
        run.best.write_bytes(whole[: len(whole) // 2])
    else:
        np.savez(tmp_path / "arrays.npz", np.zeros(2))
        (tmp_path / "arrays.npz").rename(run.best)
    with pytest.raises(UserError, match=r"best\.keras: not a model"):
        load_best(run)
