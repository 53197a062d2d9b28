"""A run, its SavedModel and its file say the same of raw ROIs."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_wa.data.io.clahe import clahe
from keras_wa.errors import UserError
from keras_wa.inference.classifier import open_classifier
from keras_wa.training.data import load_data
from keras_wa.training.decision import FILE, read_decision, write_decision
from keras_wa.training.run import Run


def test_all_give_the_probabilities_of_the_evaluation(
    finished: Path, tmp_path: Path
) -> None:
    run = Run.open(finished)
    data = load_data(run.config)
    raw = data.raw[np.flatnonzero(data.cases["split"] == "test")]
    open_network = open_classifier(finished).open_network
    assert open_network is not None
    network = open_network()
    images = data.part("test").read(np.arange(len(raw)))
    wanted = np.asarray(network(images[..., None].astype("float32") / 255))
    bare = shutil.copytree(finished, tmp_path / "run")
    shutil.rmtree(bare / "saved_model")
    for path in (finished, finished / "best.keras", finished / "saved_model", bare):
        classifier = open_classifier(path)
        assert classifier(raw[:0]).shape == (0, 2)
        # Outside of the breast a film is black, and that has an answer too.
        assert classifier(0 * raw[:1]).sum() == pytest.approx(1)
        np.testing.assert_allclose(classifier(raw), wanted, rtol=0, atol=1e-4)
        assert classifier.decision == read_decision(run)
        assert classifier.image_size == run.config.image_size
        assert classifier.trained_on == "phantom"
        assert any("phantom" in note for note in classifier.notes)


def test_a_run_is_its_weights_and_decision_of_now(
    finished: Path, tmp_path: Path
) -> None:
    rois = np.random.default_rng(0).integers(0, 256, (3, 32, 32), "uint8")
    run = Run.open(shutil.copytree(finished, tmp_path / "run"))
    decision = dataclasses.replace(read_decision(run), threshold=0.123)
    write_decision(run, decision)
    quick = open_classifier(run.path)
    assert quick.decision == decision
    assert quick.open_network is not None
    network = quick.open_network()
    network.set_weights([1.5 * weight for weight in network.get_weights()])
    network.save(run.best)
    # The SavedModel is now of other weights.
    found = open_classifier(run.path)(rois)
    prepared = np.stack([clahe(roi) for roi in rois])[..., None] / np.float32(255)
    np.testing.assert_allclose(found, np.asarray(network(prepared)), atol=1e-5)
    assert np.abs(found - quick(rois)).max() > 0.001


def test_a_bare_file_decides_nothing_and_says_why(
    finished: Path, tmp_path: Path
) -> None:
    shutil.copy(finished / "best.keras", tmp_path / "model.keras")
    classifier = open_classifier(tmp_path / "model.keras")
    assert classifier.decision is None
    assert "bare model file" in classifier.notes[0]
    rois = np.random.default_rng(0).integers(0, 256, (3, 40, 40), "uint8")
    np.testing.assert_allclose(
        classifier(rois), open_classifier(finished)(rois), rtol=0, atol=1e-4
    )


def test_a_sequential_model_is_a_model_too(tmp_path: Path) -> None:
    kinds = keras.layers
    network = keras.Sequential(
        [
            keras.Input((32, 32, 1)),
            kinds.Conv2D(2, 3),
            kinds.BatchNormalization(),
            kinds.GlobalAveragePooling2D(),
            kinds.Dense(2, activation="softmax"),
        ]
    )
    network.save(tmp_path / "model.keras")
    rois = np.random.default_rng(0).integers(0, 256, (3, 32, 32), "uint8")
    seen = np.stack([clahe(roi) for roi in rois])[..., None].astype("float32") / 255
    found = open_classifier(tmp_path / "model.keras")(rois)
    np.testing.assert_allclose(found, network(seen), rtol=0, atol=1e-4)
    with pytest.warns(UserWarning, match="not yet been built"):
        keras.Sequential([kinds.Dense(2)]).save(tmp_path / "never.keras")
    with pytest.raises(UserError, match=r"never\.keras: no model that can be read"):
        open_classifier(tmp_path / "never.keras")


def test_a_savedmodel_without_decision_says_how_to_get_one(
    finished: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished / "saved_model", tmp_path / "m")
    file = tmp_path / "m" / "assets.extra" / "keras_wa.json"
    card = json.loads(file.read_text())
    card["decision"] = None
    file.write_text(json.dumps(card))
    classifier = open_classifier(tmp_path / "m")
    assert classifier.decision is None
    assert any("Evaluate the run" in note for note in classifier.notes)


def test_what_is_no_model_is_named(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.keras").write_text("no zip")
    (tmp_path / "empty").mkdir()
    shutil.copytree(finished / "saved_model", tmp_path / "nocard")
    (tmp_path / "nocard" / "assets.extra" / "keras_wa.json").write_text("{}")
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run" / FILE).write_text("{}")
    for name, expected in {
        "broken.keras": "no model that can be read",
        "empty": "a folder of another kind",
        "absent": "nothing there",
        "nocard": "its card cannot be read",
        "run": "the decision cannot be read",
    }.items():
        with pytest.raises(UserError, match=expected):
            open_classifier(tmp_path / name)


def test_heat_of_other_weights_than_the_probability_is_refused(
    finished: Path, tmp_path: Path
) -> None:
    run = Run.open(shutil.copytree(finished, tmp_path / "run"))
    classifier = open_classifier(run.path)
    assert classifier.open_network is not None
    network = classifier.open_network()
    network.set_weights([1.5 * weight for weight in network.get_weights()])
    network.save(run.best)
    with pytest.raises(UserError, match="the weights have changed since"):
        classifier.open_network()
