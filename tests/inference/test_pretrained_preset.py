"""The folder of `keras-wa pretrain` as a preset: a trunk to be trained."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_wa import MammogramClassifier
from keras_wa.cli import main
from keras_wa.errors import UserError
from keras_wa.export.preparation import Preprocessing
from keras_wa.models.pretrained import MODEL_FILE, RECORD_FILE
from keras_wa.training.pretraining import pretrain
from keras_wa.training.pretraining_settings import Pretraining
from tests.tiny_model import weights_of

ROIS = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 1), np.uint8)


@pytest.fixture
def folder(tiny_model: None, tmp_path: Path) -> Path:
    size = {"image_size": 32, "field_mm": 4.0, "steps": 2, "batch_size": 4}
    settings = Pretraining(model="tiny", enhance="none", **size)
    pretrain(settings, tmp_path / "trunk", verbose=0)
    return tmp_path / "trunk"


def test_it_is_a_classifier_that_is_trained_and_saved(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    classifier = MammogramClassifier.from_preset(folder)
    assert caplog.messages == [
        f"{folder}: a pretrained trunk, its last layer is random. Call `fit` before "
        "`predict`."
    ]
    trunk = weights_of(keras.models.load_model(folder / MODEL_FILE))
    for one, other in zip(weights_of(classifier.network), trunk, strict=True):
        np.testing.assert_array_equal(one, other)
    assert classifier.preprocessing == Preprocessing(32, "none")
    assert classifier.metadata["trained_on"] == (
        "phantom version 2: 2 batches of 4 ROIs of 32 pixels and 4 mm"
    )
    assert classifier.metadata["field_mm"] == 4.0
    for write in (classifier.save_to_preset, classifier.export):
        with pytest.raises(UserError, match=r"classifier is random.*Call `fit` first"):
            write(tmp_path / "early")
    classifier.compile("adam", "sparse_categorical_crossentropy")
    classifier.fit(ROIS, np.arange(8) % 2, verbose=0)
    classifier.save_to_preset(tmp_path / "preset")
    caplog.clear()
    again = MammogramClassifier.from_preset(tmp_path / "preset")
    np.testing.assert_allclose(again.predict(ROIS), classifier.predict(ROIS), atol=1e-6)
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert "4 mm, then by `fit` |" in (tmp_path / "preset/README.md").read_text()


def test_no_command_predicts_with_a_random_layer(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for model, said in (
        (folder, "Received: a folder of another kind"),
        (folder / MODEL_FILE, f"Train one with weights='{folder}'."),
    ):
        assert main(["predict", str(model), str(tmp_path / "x.png")]) == 2
        assert said in capsys.readouterr().err


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:40])


def elsewhere(file: Path) -> None:
    file.rename(file.parent.with_name(file.name))
    file.symlink_to(file.parent.with_name(file.name))


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        (MODEL_FILE, cut_off, "trunk: cannot be loaded"),
        (MODEL_FILE, os.unlink, "pretrained.keras: received no file"),
        (MODEL_FILE, elsewhere, "expected a file in the preset's own folder"),
        (RECORD_FILE, cut_off, "pretraining.json: cannot be read as JSON"),
        (RECORD_FILE, elsewhere, "expected a file in the preset's own folder"),
    ],
)
def test_a_damaged_one_is_refused(
    folder: Path, name: str, damage: Callable[[Path], None], said: str
) -> None:
    damage(folder / name)
    with pytest.raises(UserError, match=said):
        MammogramClassifier.from_preset(folder)
