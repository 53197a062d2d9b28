"""Folders as sources of weights: those of a pretraining, and runs."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

from keras_wa.errors import UserError
from keras_wa.models import load_pretrained
from keras_wa.models.pretrained import MODEL_FILE, RECORD_FILE
from keras_wa.phantom.spec import PHANTOM_VERSION
from tests.tiny_model import tiny, weights_of


@pytest.fixture
def folder(tmp_path):
    """What `keras-wa pretrain` writes, for the tiny model on 32 px."""
    keras.utils.set_random_seed(1)
    tiny().save(tmp_path / MODEL_FILE)
    record = {"phantom_version": PHANTOM_VERSION}
    (tmp_path / RECORD_FILE).write_text(json.dumps(record))
    return tmp_path


def _networks(folder):
    donor = keras.models.load_model(folder)
    # Keras numbers the layers of later networks.
    model = keras.models.clone_model(donor)
    return donor, model


def test_a_folder_stands_for_its_network(folder):
    donor, model = _networks(folder / MODEL_FILE)
    load_pretrained(model, folder)
    for one, other in zip(weights_of(model), weights_of(donor), strict=True):
        np.testing.assert_array_equal(one, other)


def test_so_does_that_of_a_run(folder):
    donor, model = _networks(folder / MODEL_FILE)
    (folder / MODEL_FILE).rename(folder / "best.keras")
    (folder / RECORD_FILE).unlink()
    load_pretrained(model, folder)
    np.testing.assert_array_equal(weights_of(model)[-2], weights_of(donor)[-2])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"image_size": 64},
            r"pretrained on images of another size. Received: 32x32x1; expected "
            r"64x64x1, as the model. Pretrain again, or give .*pretrained.keras itself",
        ),
        ({"wavelet": "db2"}, "another wavelet. Received: haar; expected db2, as the m"),
    ],
)
def test_a_network_of_other_images_is_refused(folder, options, said):
    model = tiny(**options)
    before = weights_of(model)
    with pytest.raises(UserError, match=said):
        load_pretrained(model, folder)
    for one, other in zip(weights_of(model), before, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"phantom_version": 1}, "another phantom. Received: version 1; expected 2."),
        ({}, r"pretraining.json: not the record of a pretraining \('phantom_version'"),
        ([], "pretraining.json: not the record of a pretraining"),
    ],
)
def test_another_record_is_refused(folder, record, said):
    (folder / RECORD_FILE).write_text(json.dumps(record))
    with pytest.raises(UserError, match=said):
        load_pretrained(tiny(), folder)


def test_any_other_folder_is_refused(tmp_path):
    said = "a folder without weights. Received: neither pretraining.json nor best.keras"
    with pytest.raises(UserError, match=said):
        load_pretrained(tiny(), tmp_path)
