"""The projector gets what the last layer gets, and says the truth of each ROI."""

from __future__ import annotations

import csv
import dataclasses
import shutil
from pathlib import Path

import cv2
import keras
import numpy as np
import pandas as pd
import pytest
from google.protobuf import text_format
from scipy.special import softmax
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

from keras_wa.errors import UserError
from keras_wa.evaluate.dashboard.embedding import (
    _write_png,
    describe,
    sheet_layout,
    sprite,
    write_embedding,
)
from keras_wa.training.best import load_best
from keras_wa.training.data import load_data
from keras_wa.training.run import Run
from keras_wa.training.scoring import score

MOST = 20


@pytest.fixture(scope="module")
def written(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("embedding")
    assert write_embedding(folder, Run.open(finished), MOST, 0.5) == MOST
    return folder


@pytest.fixture(scope="module")
def config(written: Path):
    text = (written / "projector_config.pbtxt").read_text(encoding="utf-8")
    return text_format.Parse(text, ProjectorConfig()).embeddings[0]


@pytest.fixture(scope="module")
def metadata(written: Path, config) -> pd.DataFrame:
    return pd.read_csv(written / config.metadata_path, sep="\t")


@pytest.fixture(scope="module")
def predicted(finished: Path, metadata: pd.DataFrame) -> pd.DataFrame:
    """What the evaluation would say of the ROIs that were chosen."""
    run = Run.open(finished)
    table = score(load_best(run), load_data(run.config), "test")
    return table.set_index("roi_id").loc[metadata["roi_id"]]


def test_the_last_layer_makes_the_probabilities_of_the_features(
    written, config, finished, predicted
):
    features = np.loadtxt(written / config.tensor_path, delimiter="\t")
    assert features.shape == tuple(config.tensor_shape) == (MOST, 8)
    head = load_best(Run.open(finished)).layers[-1]
    kernel, bias = (np.asarray(weight) for weight in head.weights)
    found = softmax(features @ kernel + bias, axis=1)[:, -1]
    # Features have five digits.
    np.testing.assert_allclose(found, predicted["probability"], atol=1e-4)


def test_the_rows_tell_the_truth(metadata, predicted):
    np.testing.assert_allclose(
        metadata["probability"], predicted["probability"], atol=1e-4
    )
    truth = predicted["label"].to_numpy() == 1
    assert (metadata["class"] == "malignant").tolist() == truth.tolist()
    called = predicted["probability"].to_numpy() >= 0.5
    assert (metadata["called"] == "malignant").tolist() == called.tolist()
    correct = metadata["result"] == "correct"
    assert correct.tolist() == (truth == called).tolist()
    assert {"pathology", "morphology", "view"} <= set(metadata)
    assert metadata["roi_id"].is_unique


def test_each_thumbnail_is_its_roi(written, config, finished, metadata):
    sheet = cv2.imread(str(written / config.sprite.image_path), cv2.IMREAD_GRAYSCALE)
    side, _ = config.sprite.single_image_dim
    assert sheet.shape == (5 * side, 5 * side), "20 ROIs, 5 in a row"
    data = load_data(Run.open(finished).config)
    places = pd.Index(data.cases_of("test")["roi_id"]).get_indexer(metadata["roi_id"])
    for i, image in enumerate(data.part("test").read(places)):
        row, column = divmod(i, sheet.shape[1] // side)
        place = np.s_[row * side : (row + 1) * side, column * side :][:2]
        np.testing.assert_array_equal(sheet[place][:, :side], image)


def test_a_cell_holds_no_tab_and_no_line_break():
    cases = pd.DataFrame(
        {
            "roi_id": ["a\tb", "c\nd"],
            "patient_id": ["1", '"2'],
            "label": [0, 1],
            "pathology": [pd.NA, "MALIGNANT"],
            "view": pd.NA,
        }
    )
    outputs = np.array([[0.9, 0.1], [0.9, 0.1]], np.float32)
    table = describe(cases, np.array([0, 1]), outputs, ("benign", "malignant"), 0.2)
    assert table["roi_id"].tolist() == ["a b", "c d"]
    assert table["pathology"].tolist() == ["not known", "MALIGNANT"]
    assert table["result"].tolist() == ["correct", "missed"]
    assert "view" not in table, "nobody knows any"
    text = table.to_csv(sep="\t", index=False, quoting=csv.QUOTE_NONE, quotechar=None)
    assert [line.count("\t") for line in text.splitlines()] == [6] * 3


def test_without_a_threshold_nothing_is_called():
    cases = pd.DataFrame({"roi_id": ["a"], "patient_id": ["p"], "label": [1]})
    outputs = np.array([[0.2, 0.3, 0.5]], np.float32)
    table = describe(cases, np.array([2]), outputs, ("x", "y", "z"), None)
    assert list(table) == ["roi_id", "patient_id", "class", "probability"]
    assert table["class"].tolist() == ["z"]


@pytest.fixture
def untested(finished: Path, tmp_path: Path) -> Run:
    """A run whose table has no test part."""
    rows = []
    for i in range(8):
        assert cv2.imwrite(str(tmp_path / f"{i}.png"), np.full((32, 32), i, np.uint8))
        part = "train" if i < 4 else "val"
        rows.append({"path": f"{i}.png", "label": i % 2, "patient": i, "split": part})
    pd.DataFrame(rows).to_csv(tmp_path / "cases.csv", index=False)
    places = {"data_dir": str(tmp_path), "store_dir": str(tmp_path / "stores")}
    config = dataclasses.replace(Run.open(finished).config, dataset="csv", **places)
    run = Run.create(tmp_path / "run", config)
    data = load_data(config, progress=False)
    run.begin(data.cases, data.pixels)
    shutil.copy(finished / "best.keras", run.best)
    return run


def test_a_run_without_test_rois_is_refused_and_leaves_nothing_behind(
    untested, tmp_path
):
    folder = tmp_path / "shown"
    folder.mkdir()
    names = [keras.backend.get_uid("of this test")]
    with pytest.raises(UserError, match=r"split 'test'; there are: train, val\."):
        write_embedding(folder, untested, MOST, 0.5)
    names.append(keras.backend.get_uid("of this test"))
    assert names == [1, 1], "what Keras remembers of the model is gone"
    assert not list(folder.iterdir())


def test_large_and_many_rois_still_fit_into_a_sheet():
    sheet, side = sprite(np.full((1, 200, 200), 7, np.uint8))
    assert (side, sheet.shape) == (64, (64, 64))
    columns, side = sheet_layout(90_000, 224)
    assert (columns, side) == (300, 27)
    assert columns * side <= 8192


def test_a_sheet_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        _write_png(tmp_path / "none" / "rois.png", np.zeros((8, 8), np.uint8))
