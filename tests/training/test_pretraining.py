"""Pretraining on the phantom: targets, resuming, and the weights for a classifier."""

from __future__ import annotations

import dataclasses
import textwrap

import keras
import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from keras_wa.cli import main
from keras_wa.errors import UserError
from keras_wa.models import load_pretrained
from keras_wa.models.pretrained import MODEL_FILE, RECORD_FILE
from keras_wa.phantom import phantom_cases, render_mask, render_roi
from keras_wa.phantom.calcifications import MORPHOLOGIES
from keras_wa.phantom.distributions import DISTRIBUTIONS
from keras_wa.settings import read_toml
from keras_wa.training import pretraining
from keras_wa.training.config import TrainConfig
from keras_wa.training.pretraining import TargetBatches, pretrain
from keras_wa.training.pretraining_settings import Pretraining
from tests.tiny_model import tiny, weights_of

SETTINGS = Pretraining(
    model="tiny",
    model_options={"dropout": 0.0},
    image_size=32,
    field_mm=4.0,
    enhance="none",
    steps=6,
    batch_size=4,
)


def test_the_targets_are_those_of_the_case_table_and_the_mask():
    batches = TargetBatches(SETTINGS, 3, 5, (4, 4))
    pixels, targets = batches[1]
    spec = SETTINGS.spec
    rows = phantom_cases(spec, 4, epoch=5).to_dict("records")
    for i, row in enumerate(rows):
        lesion = i % 2 == 1
        expected = render_roi(spec, row, lesion=lesion) / np.float32(255)
        np.testing.assert_allclose(pixels[i, ..., 0], expected, rtol=1e-6)
        types = [n for n, t in zip(MORPHOLOGIES, targets["types"][i], strict=True) if t]
        parts = targets["distribution"][i]
        places = [n for n, t in zip(DISTRIBUTIONS, parts, strict=True) if t]
        if not lesion:
            assert not types + places
            assert not targets["map"][i].any()
            assert targets["number"][i] == 0
            continue
        assert sorted(types) == sorted(row["morphology"].split("-"))
        mask = render_mask(spec, row)
        count = scipy.ndimage.label(mask)[1]
        assert targets["number"][i] == pytest.approx(np.log(1 + count))
        for k, cell in enumerate(targets["map"][i]):
            top, left = 8 * (k // 4), 8 * (k % 4)
            assert cell == mask[top : top + 8, left : left + 8].any()
    assert any(targets["distribution"].any(axis=1))


def test_a_batch_depends_on_its_number_alone():
    (first, _), (same, _) = (
        TargetBatches(SETTINGS, 0, 9, (4, 4))[4],
        TargetBatches(SETTINGS, 4, 1, (4, 4))[0],
    )
    np.testing.assert_array_equal(first, same)
    assert (first != TargetBatches(SETTINGS, 5, 1, (4, 4))[0][0]).any()


class _Stopped(TargetBatches):
    """Fails at the first batch of the third epoch."""

    def __getitem__(self, index):
        if self.first == 4 and len(self) == 2:
            raise OSError("pulled out")
        return super().__getitem__(index)


def test_an_interrupted_pretraining_ends_at_the_weights_of_an_unbroken_one(
    tiny_model, tmp_path, monkeypatch
):
    monkeypatch.setattr(pretraining, "_STEPS_PER_EPOCH", 2)
    losses = pretrain(SETTINGS, tmp_path / "whole", verbose=0)
    with monkeypatch.context() as patch:
        patch.setattr(pretraining, "TargetBatches", _Stopped)
        with pytest.raises(tf.errors.UnknownError, match="pulled out"):
            pretrain(SETTINGS, tmp_path / "broken", verbose=0)
    model = tiny()
    with pytest.raises(UserError, match="broken: the pretraining has not ended"):
        load_pretrained(model, tmp_path / "broken")
    again = pretrain(SETTINGS, tmp_path / "broken", verbose=0)
    assert again == pytest.approx(losses, rel=1e-6)
    assert pretrain(SETTINGS, tmp_path / "broken", verbose=0) == again
    found, expected = (
        keras.models.load_model(tmp_path / name / MODEL_FILE)
        for name in ("broken", "whole")
    )
    for one, other in zip(weights_of(found), weights_of(expected), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    # Trained, but for the last layer.
    keras.utils.set_random_seed(SETTINGS.seed)
    untrained = weights_of(tiny(dropout=0.0))
    changed = [
        not np.array_equal(one, other)
        for one, other in zip(weights_of(expected), untrained, strict=True)
    ]
    assert changed[:-2] + changed[-2:] == [True] * (len(changed) - 2) + [False] * 2
    with pytest.raises(UserError, match=r"with steps=6. Received: 8; expected the sa"):
        pretrain(dataclasses.replace(SETTINGS, steps=8), tmp_path / "whole")


class _Endless(TargetBatches):
    """Has a number of calcifications that no network can learn."""

    def __getitem__(self, index):
        pixels, targets = super().__getitem__(index)
        return pixels, {**targets, "number": targets["number"] + np.float32(np.inf)}


def test_a_pretraining_that_diverges_leaves_no_weights(
    tiny_model, tmp_path, monkeypatch
):
    monkeypatch.setattr(pretraining, "TargetBatches", _Endless)
    with pytest.raises(UserError, match=r"step 1 is (inf|nan): the training has diver"):
        pretrain(SETTINGS, tmp_path, verbose=0)
    assert not (tmp_path / MODEL_FILE).exists()


def test_the_command_pretrains(tiny_model, tmp_path, capsys):
    out = tmp_path / "pretrained"
    words = "--model tiny --image-size 32 --field-mm 4 --steps 2 --batch-size 4"
    words += " --model-option dropout=0.0"
    assert main(["pretrain", *words.split(), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "map_loss on new ROIs: 0." in said
    use = "--model tiny --image-size 32 --enhance clahe --model-option dropout=0.0"
    assert f"train.py --weights {out} {use}\n" in said
    files = {MODEL_FILE, RECORD_FILE, "README.md"}
    assert {each.name for each in out.iterdir()} == files
    card = (out / "README.md").read_text()
    assert "pretrained by keras_wa" in card
    block = card.split("settings of a training:\n\n")[1].split("\n\n")[0]
    file = tmp_path / "settings.toml"
    file.write_text(textwrap.dedent(block))
    settings = TrainConfig.from_mapping(read_toml(file), file)
    assert (settings.weights, settings.model) == ("pretrained", "tiny")
    assert (settings.image_size, settings.enhance) == (32, "clahe")
    assert settings.model_options == {"dropout": 0.0}
    other = tmp_path / "other"
    words = f"--out {other} --field-mm 90 --image-size 32"
    assert main(["pretrain", *words.split()]) == 2
    assert "--field-mm must be at most 9.6" in capsys.readouterr().err
    assert not other.exists()
    assert main(["pretrain", "--out", str(tmp_path)]) == 2
    assert "received a folder with other files; exp" in capsys.readouterr().err
