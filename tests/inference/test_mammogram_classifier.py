"""One object that trains, predicts, is saved and comes back the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import keras
import numpy as np
import pandas as pd
import pytest

from keras_wa import MammogramClassifier
from keras_wa.cli import main
from keras_wa.errors import UserError
from keras_wa.export.preparation import Preprocessing
from keras_wa.inference.classifier import open_classifier
from keras_wa.inference.pictures import Pictures
from keras_wa.metrics import Estimate
from tests.processes import python
from tests.tiny_model import tiny

RNG = np.random.default_rng(0)
IMAGES = [RNG.integers(0, 256, size, np.uint8) for size in ((50, 40), (32, 32))]


@pytest.fixture(scope="module")
def preset(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished run as a preset; not to be changed."""
    path = tmp_path_factory.mktemp("presets") / "tiny"
    MammogramClassifier.from_preset(finished).save_to_preset(path)
    return path


def test_it_predicts_what_the_command_does(finished: Path, tmp_path: Path) -> None:
    files = []
    for number, image in enumerate(IMAGES):
        files.append(str(tmp_path / f"{number}.png"))
        cv2.imwrite(files[-1], image)
    out = tmp_path / "out.csv"
    words = ["--as", "roi", "--tta", "1", "--csv", str(out)]
    assert main(["predict", str(finished), *files, *words]) == 0
    table = pd.read_csv(out)
    found = MammogramClassifier.from_preset(finished).predict(IMAGES)
    np.testing.assert_allclose(found[:, -1], table["probability"], atol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_a_preset_has_the_data_and_the_results_of_its_run(
    finished: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(finished, tmp_path / "run"))
    assert main(["evaluate", str(run), "--resamples", "20"]) == 0
    found = json.loads((run / "evaluation/test/metrics.json").read_text())
    MammogramClassifier.from_preset(run).save_to_preset(tmp_path / "preset")
    metadata = json.loads((tmp_path / "preset/metadata.json").read_text())
    assert "random numbers" in metadata["data"]["origin"]
    result = metadata["results"]["test"]
    assert result["auc"] == found["metrics"]["auc"]
    assert result["split_hash"] == found["split_hash"]
    card = (tmp_path / "preset/README.md").read_text()
    auc = Estimate.from_record(found["metrics"]["auc"])
    assert f"| AUC, test part | {auc} (95 %, patients): 28 ROIs of " in card
    assert "no result on it is clinical" in card
    # Loaded and saved again, it keeps them.
    again = MammogramClassifier.from_preset(tmp_path / "preset")
    assert again.metadata["results"] == metadata["results"]


def test_metadata_of_another_program_is_kept_and_left_out_of_the_card(
    tmp_path: Path,
) -> None:
    metadata = {"data": "my clinic", "results": {"test": {"auc": 0.8}}}
    classifier = MammogramClassifier(tiny(image_size=32), metadata=metadata)
    classifier.save_to_preset(tmp_path / "preset")
    again = MammogramClassifier.from_preset(tmp_path / "preset")
    assert again.metadata == metadata
    assert "AUC" not in (tmp_path / "preset/README.md").read_text()


def test_after_fit_nothing_of_the_weights_before_is_left(
    finished: Path, caplog: pytest.LogCaptureFixture
) -> None:
    classifier = MammogramClassifier.from_preset(finished)
    assert classifier.decision is not None
    assert classifier.metadata["weights"]
    classifier.compile("sgd", loss="sparse_categorical_crossentropy")
    rois = RNG.integers(0, 256, (4, 40, 40, 1), np.uint8)
    classifier.fit(rois, np.arange(4) % 2, verbose=0)
    assert "threshold and calibration were those of the weights before" in caplog.text
    assert classifier.decision is None
    assert "weights" not in classifier.metadata
    assert classifier.metadata["trained_on"] == "phantom, then by `fit`"
    # Not calibrated: what the network itself gives.
    prepared = classifier.prepare(rois)
    np.testing.assert_allclose(
        classifier.predict(rois), classifier.network.predict(prepared, verbose=0)
    )


def test_depths_and_channels_are_the_same_image(finished: Path) -> None:
    classifier = MammogramClassifier.from_preset(finished)
    image = IMAGES[0]
    alike = [
        image,
        image.astype(np.uint16) * 257,
        image / 255,
        image[..., np.newaxis],
        np.repeat(image[..., np.newaxis], 3, axis=-1),
    ]
    found = classifier.predict(alike)
    np.testing.assert_allclose(found, found[:1].repeat(5, axis=0), atol=1e-6)
    batch = classifier.predict(np.stack([image, image]))
    np.testing.assert_allclose(batch, found[:2], atol=1e-6)


def test_it_comes_back_the_same_in_another_process(
    preset: Path, tmp_path: Path
) -> None:
    expected = MammogramClassifier.from_preset(preset).predict(IMAGES)
    np.savez(tmp_path / "images.npz", *IMAGES)
    code = """
import sys, numpy as np, keras_wa
images = list(np.load("images.npz").values())
classifier = keras_wa.MammogramClassifier.from_preset(sys.argv[1])
np.save("found.npy", classifier.predict(images))
"""
    python("-c", code, preset, cwd=tmp_path)
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), expected, atol=1e-6)


def test_a_preset_is_complete(preset: Path, finished: Path) -> None:
    assert sorted(path.name for path in preset.iterdir()) == [
        "README.md",
        "config.json",
        "decision.json",
        "metadata.json",
        "model.weights.h5",
        "preprocessor.json",
    ]
    decision = json.loads((finished / "decision.json").read_text())
    assert json.loads((preset / "decision.json").read_text()) == decision
    card = (preset / "README.md").read_text()
    assert "| Trained on | phantom |" in card
    assert "benign, malignant" in card


def test_keras_trains_it_with_any_loss_and_any_number_of_classes(
    tmp_path: Path,
) -> None:
    classifier = MammogramClassifier(tiny(classes=5), labels=list("abcde"))
    classifier.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    before = [np.array(weight) for weight in classifier.network.trainable_weights]
    rois = RNG.integers(0, 256, (8, 40, 40, 1), np.uint8)
    history = classifier.fit(rois, np.arange(8) % 5, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    after = classifier.network.trainable_weights
    assert any((np.array(b) != a).any() for a, b in zip(before, after, strict=True))
    classifier.save_to_preset(tmp_path / "five")
    again = MammogramClassifier.from_preset(tmp_path / "five")
    assert again.labels == list("abcde")
    assert again.decision is None
    np.testing.assert_allclose(again.predict(IMAGES), classifier.predict(IMAGES), 1e-5)


def test_served_as_a_preset_or_a_savedmodel_it_gives_the_same(
    preset: Path, tmp_path: Path
) -> None:
    classifier = MammogramClassifier.from_preset(preset)
    classifier.export(tmp_path / "served")
    rois = RNG.integers(0, 256, (3, 40, 40), np.uint8)
    raw = classifier(rois[..., np.newaxis], training=False)
    for path in (tmp_path / "served", preset):
        served = open_classifier(path)
        assert served.decision == classifier.decision
        assert served.trained_on == "phantom"
        np.testing.assert_allclose(served(rois), np.asarray(raw), atol=1e-5)
    with pytest.raises(UserError, match="exists and is not a SavedModel"):
        classifier.export(preset)


@pytest.mark.parametrize("dwt", ["model", "pipeline"])
def test_a_preset_of_a_wavelet_network_shows_its_subbands(
    dwt: str, tmp_path: Path
) -> None:
    wavelet = "haar" if dwt == "pipeline" else None
    preprocessing = Preprocessing(32, wavelet=wavelet)
    model = MammogramClassifier(tiny(image_size=32, dwt=dwt), preprocessing)
    model.save_to_preset(tmp_path / "preset")
    classifier = open_classifier(tmp_path / "preset")
    assert classifier.wavelet == "haar"
    roi = RNG.integers(0, 256, (32, 32), np.uint8)
    np.testing.assert_allclose(classifier(roi[None]), model.predict([roi]), atol=1e-5)
    pictures = Pictures(classifier).of(roi)
    assert pictures.heat is not None
    assert pictures.bands is not None


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([], "received none"),
        (np.zeros((40, 40), np.uint8), r"an array of shape \(40, 40\)"),
        (np.zeros((1, 4, 40, 40, 1), np.uint8), "an array of shape"),
        ([np.zeros((4, 40, 40), np.uint8)], r"images\[0\]: received shape \(4, 40, 40"),
        ([IMAGES[0], np.zeros((40, 9), np.uint8)], r"images\[1\]: received 40 by 9"),
        ([RNG.integers(0, 9, (40, 40, 3), np.uint8)], r"images\[0\]: .*colour image"),
        ([np.full((40, 40), np.nan)], r"images\[0\]: received floats from nan"),
        (
            [np.full((40, 40), 200.0)],
            r"from 200 to 200; expected .* in \[0, 1\]",
        ),
        ([np.zeros((40, 40), np.int32)], "received dtype int32"),
    ],
)
def test_what_is_no_grey_image_is_named(images: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MammogramClassifier(tiny()).predict(images)


def test_it_does_not_train_on_floats_whose_range_is_unknown() -> None:
    classifier = MammogramClassifier(tiny())
    classifier.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="received dtype float32; expected uint8"):
        classifier.fit(RNG.random((4, 40, 40, 1)), np.zeros(4), verbose=0)


def test_labels_are_as_many_as_outputs() -> None:
    with pytest.raises(ValueError, match=r"received 1 \(a\); expected 2"):
        MammogramClassifier(tiny(), labels=["a"])


def _without(name: str) -> object:
    return lambda root: (root / name).unlink()


def _record(name: str, **changes: object) -> object:
    def change(root: Path) -> None:
        record = json.loads((root / name).read_text())
        (root / name).write_text(json.dumps({**record, **changes}))

    return change


def _link(root: Path) -> None:
    moved = root.parent / "elsewhere.h5"
    (root / "model.weights.h5").rename(moved)
    (root / "model.weights.h5").symlink_to(moved)


def _other_weights(root: Path) -> None:
    tiny(classes=3).save_weights(root / "model.weights.h5")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_without("model.weights.h5"), r"model\.weights\.h5: received no file"),
        (_without("preprocessor.json"), r"preprocessor\.json: received no file"),
        (_record("config.json", format=7), "received format 7; expected 1"),
        (_record("config.json", network={"class_name": "x"}), "cannot be loaded"),
        (_record("preprocessor.json", colour="red"), "cannot be loaded .*colour"),
        (_other_weights, "cannot be loaded"),
        (_link, "received a link to"),
        (
            lambda root: (root / "model.weights.h5").write_bytes(b"\x89HDF"),
            "cannot be loaded",
        ),
        (lambda root: (root / "metadata.json").write_text("[]"), "received a list"),
        (
            lambda root: (root / "metadata.json").write_text("{"),
            "cannot be read as J",
        ),
    ],
)
def test_a_damaged_preset_is_one_line(
    preset: Path, tmp_path: Path, spoil: object, message: str
) -> None:
    root = tmp_path / "tiny"
    MammogramClassifier.from_preset(preset).save_to_preset(root)
    spoil(root)  # type: ignore[operator]
    with pytest.raises(UserError, match=message) as caught:
        MammogramClassifier.from_preset(root)
    assert "\n" not in str(caught.value)


def test_a_lambda_in_a_preset_is_not_run(preset: Path, tmp_path: Path) -> None:
    root = tmp_path / "tiny"
    MammogramClassifier.from_preset(preset).save_to_preset(root)
    inputs = keras.Input((32, 32, 1))
    flat = keras.layers.Flatten()(keras.layers.Lambda(lambda x: x)(inputs))
    network = keras.Model(inputs, keras.layers.Dense(2)(flat))
    _record("config.json", network=keras.saving.serialize_keras_object(network))(root)
    with pytest.raises(UserError, match="cannot be loaded"):
        MammogramClassifier.from_preset(root)


def test_another_folder_is_refused_and_kept(preset: Path, tmp_path: Path) -> None:
    classifier = MammogramClassifier.from_preset(preset)
    (tmp_path / "precious.txt").write_text("kept")
    with pytest.raises(UserError, match="exists and is no preset"):
        classifier.save_to_preset(tmp_path)
    with pytest.raises(UserError, match="is not a run directory"):
        MammogramClassifier.from_preset(tmp_path)
    with pytest.raises(UserError, match="received no folder"):
        MammogramClassifier.from_preset(tmp_path / "absent")
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]
