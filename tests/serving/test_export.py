"""The SavedModel: raw ROIs in, the pipeline's and the model's own numbers out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_wa.errors import UserError
from keras_wa.imaging.clahe import clahe
from keras_wa.imaging.resize import resize
from keras_wa.layers import DWT2D
from keras_wa.serving.export import export_saved_model, load_best, serving_model
from keras_wa.training.config import TrainConfig
from keras_wa.training.run import Run
from tests.tiny_model import tiny

# Runs where neither this package nor Keras can be imported.
SERVE = """
import sys
sys.modules["keras_wa"] = sys.modules["keras"] = None
import numpy as np, tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
rois = np.load(sys.argv[2])
np.savez(sys.argv[3], **{name: model.serve(rois[name]).numpy() for name in rois})
"""

SIZES = [(32, 32), (61, 47), (224, 200), (333, 150)]


def raw_rois() -> dict[str, np.ndarray]:
    """100 raw ROIs of four sizes: textured, with bright spots."""
    rng = np.random.default_rng(0)
    batches = {}
    for i, (height, width) in enumerate(SIZES):
        grey = rng.normal(110, 25, (25, height, width, 1))
        grey += 60 * (rng.random(grey.shape) > 0.99)
        batches[str(i)] = np.clip(grey, 0, 255).astype("uint8")
    return batches


def by_hand(model: keras.Model, batch: np.ndarray, size: int) -> np.ndarray:
    """What training did to a ROI, with OpenCV, then the Keras model."""
    seen = [clahe(resize(roi[..., 0], (size, size))) for roi in batch]
    inputs = np.stack(seen)[..., np.newaxis].astype("float32") / 255
    return model.predict(inputs, verbose=0)


def test_a_fresh_process_serves_the_keras_model_s_probabilities(
    finished: Path, tmp_path: Path
) -> None:
    run = Run.open(finished)
    saved = export_saved_model(run, tmp_path / "served")
    rois = raw_rois()
    np.savez(tmp_path / "rois.npz", **rois)
    subprocess.run(
        [sys.executable, "-c", SERVE, saved, tmp_path / "rois.npz", tmp_path / "p.npz"],
        check=True,
        capture_output=True,
        cwd=tmp_path,
    )
    model = load_best(run)
    with np.load(tmp_path / "p.npz") as served:
        for name, batch in rois.items():
            expected = by_hand(model, batch, run.config.image_size)
            np.testing.assert_allclose(served[name], expected, atol=1e-4)
            assert served[name].dtype == np.float32


def test_the_export_says_what_it_takes_and_gives(finished: Path) -> None:
    text = (finished / "saved_model/assets.extra/keras_wa.json").read_text()
    card = json.loads(text)
    assert card["labels"] == ["benign", "malignant"]
    assert card["trained_on"] == "phantom"
    assert card["inside"]["resize"] == [32, 32]
    assert card["inside"]["clip_limit"] == 2.0


@pytest.mark.parametrize("dwt", ["model", "pipeline"])
@pytest.mark.parametrize("enhance", ["clahe", "none"])
def test_whatever_the_pipeline_did_is_inside(
    enhance: str, dwt: str, tiny_model: None
) -> None:
    config = TrainConfig(image_size=32, enhance=enhance, dwt=dwt, model="tiny")
    model = tiny(dwt=dwt)
    batch = raw_rois()["1"][:4]
    seen = np.stack([resize(roi[..., 0], (32, 32)) for roi in batch])
    if enhance == "clahe":
        seen = np.stack([clahe(image) for image in seen])
    inputs = seen[..., np.newaxis].astype("float32") / 255
    if dwt == "pipeline":
        inputs = DWT2D()(inputs)
    served = serving_model(model, config)(batch)
    np.testing.assert_allclose(served, model(inputs), atol=1e-6)


def test_an_older_export_is_replaced_whole(finished: Path, tmp_path: Path) -> None:
    run = Run.open(finished)
    target = export_saved_model(run, tmp_path / "served")
    (target / "left_over").write_text("old")
    export_saved_model(run, target)
    assert (target / "saved_model.pb").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["served"]
    assert not (target / "left_over").exists()


def test_a_directory_that_is_no_saved_model_is_left_alone(
    finished: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(UserError, match="Name another directory"):
        export_saved_model(Run.open(finished), tmp_path)
    assert (tmp_path / "mine").read_text() == "precious"


def test_a_run_without_a_model_says_how_to_get_one(
    finished: Path, tmp_path: Path
) -> None:
    run = Run(tmp_path, Run.open(finished).config)
    with pytest.raises(UserError, match="--resume"):
        load_best(run)


def test_a_broken_best_model_is_named(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "best.keras").write_bytes(b"not a model")
    run = Run(tmp_path, Run.open(finished).config)
    with pytest.raises(UserError, match=r"best\.keras: not a model"):
        load_best(run)
