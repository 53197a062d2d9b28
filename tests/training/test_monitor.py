"""TensorBoard shows curves, inputs, subbands, errors and gates of the run."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import confusion_matrix
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from keras_wa.layers import DWT2D
from keras_wa.training import monitor as monitor_module
from keras_wa.training.config import TrainConfig
from keras_wa.training.data import load_data
from keras_wa.training.fit import train
from keras_wa.training.monitor import (
    Monitor,
    confusion_figure,
    image_grid,
    subband_figure,
    to_image,
)
from keras_wa.training.run import Run
from tests.tiny_model import SETTINGS

SCALARS = {"loss", "accuracy", "val_loss", "val_auc", "learning_rate"}
IMAGES = {"inputs/augmented", "inputs/subbands", "validation/confusion"}
HISTOGRAMS = {"gates/gate"}


def _events(run: Path) -> EventAccumulator:
    # As many of each kind as there are; the default thins images out.
    events = EventAccumulator(str(run / "tensorboard"), {"tensors": 0})
    return events.Reload()


def _values(events: EventAccumulator, tag: str) -> dict[int, np.ndarray]:
    """Step -> logged value."""
    return {e.step: tf.make_ndarray(e.tensor_proto) for e in events.Tensors(tag)}


@pytest.fixture(scope="module")
def events(finished: Path) -> EventAccumulator:
    """The logs of a finished run of three epochs."""
    return _events(finished)


def test_everything_promised_is_logged_and_nothing_else(
    events: EventAccumulator,
) -> None:
    assert set(events.Tags()["tensors"]) == SCALARS | IMAGES | HISTOGRAMS


def test_the_curves_are_those_of_the_history(
    events: EventAccumulator, finished: Path
) -> None:
    with (finished / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    for name in SCALARS:
        logged = _values(events, name)
        assert list(logged) == [1, 2, 3]
        expected = [float(row[name]) for row in rows]
        np.testing.assert_allclose(list(logged.values()), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("tag", "steps"),
    [
        ("inputs/augmented", [0]),
        ("inputs/subbands", [0]),
        ("validation/confusion", [1, 2, 3]),
    ],
)
def test_the_pictures_can_be_seen(
    events: EventAccumulator, tag: str, steps: list[int]
) -> None:
    logged = _values(events, tag)
    assert list(logged) == steps
    for width, height, *pictures in logged.values():
        (picture,) = pictures
        pixels = np.asarray(tf.io.decode_png(picture))
        assert pixels.shape[:2] == (int(height), int(width))
        assert min(pixels.shape[:2]) >= 100
        assert pixels[..., :3].std() > 10, "a blank picture"


def test_the_gates_of_the_probe_rois_are_counted(events: EventAccumulator) -> None:
    logged = _values(events, "gates/gate")
    assert list(logged) == [1, 2, 3]
    for bins in logged.values():
        left, right, count = bins.T
        assert count.sum() == 8 * 8, "8 ROIs by 8 channels"
        assert left.min() >= 0
        assert right.max() <= 1


def test_a_resumed_run_adds_to_the_curves(
    tmp_path: Path, store_dir: Path, tiny_model: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TrainConfig(**{**SETTINGS, "store_dir": str(store_dir), "epochs": 2})
    run = Run.create(tmp_path / "run", config)
    data = load_data(config)
    _interrupt_after(1, monkeypatch)
    assert train(run, data, verbose=0).interrupted
    monkeypatch.undo()
    assert train(run, data, resume=True, verbose=0).epochs == 2
    events = _events(run.path)
    assert list(_values(events, "val_auc")) == [1, 2]
    assert list(_values(events, "inputs/augmented")) == [0, 1]


def _interrupt_after(epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from keras_wa.training.monitor import Monitor

    on_epoch_end = Monitor.on_epoch_end

    def interrupt(self: Monitor, epoch: int, logs: Any = None) -> None:
        on_epoch_end(self, epoch, logs)
        if epoch + 1 == epochs:
            raise KeyboardInterrupt

    monkeypatch.setattr(Monitor, "on_epoch_end", interrupt)


def test_the_sheet_shows_each_roi_in_its_place() -> None:
    images = np.linspace(0, 1, 10)[:, None, None] * np.ones((10, 8, 8))
    figure = image_grid(images, columns=4)
    shown = [axes.images[0].get_array() for axes in figure.axes]
    assert len(shown) == 10
    for picture, image in zip(shown, images, strict=True):
        np.testing.assert_array_equal(np.asarray(picture), image)
    assert len(image_grid(np.zeros((99, 4, 4))).axes) == 32


def test_the_subbands_carry_their_names() -> None:
    image = np.random.default_rng(0).uniform(size=(1, 8, 8, 1)).astype("float32")
    bands = np.asarray(DWT2D()(image))[0]
    axes = subband_figure(bands).axes
    assert [one.get_title() for one in axes] == ["LL", "LH", "HL", "HH"]
    for i, one in enumerate(axes):
        np.testing.assert_array_equal(
            np.asarray(one.images[0].get_array()), bands[..., i]
        )


def test_of_two_levels_the_coarsest_bands_are_shown(tmp_path: Path) -> None:
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, DWT2D(levels=2)(inputs))
    batch = np.random.default_rng(0).random((2, 8, 8, 1), "float32")
    monitor = Monitor(tmp_path / "tensorboard", batch, SimpleNamespace(batches=[batch]))
    monitor.set_model(model)
    with mock.patch.object(monitor_module, "subband_figure", wraps=subband_figure) as f:
        monitor.on_train_begin()
    ((bands,), _) = f.call_args
    coarsest, _ = model(batch)
    np.testing.assert_allclose(bands, coarsest[0], atol=1e-6)


def test_the_confusion_matrix_counts_labels_by_calls() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1, 1])
    calls = np.array([False, False, True, False, True, True, True])
    (axes,) = confusion_figure(labels, calls).axes
    assert [text.get_text() for text in axes.texts] == ["2", "1", "1", "3"]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["benign", "malignant"]


def test_the_confusion_matrix_of_three_classes_has_three_rows() -> None:
    labels, calls = np.array([0, 1, 1, 2, 2, 2]), np.array([1, 1, 1, 0, 2, 2])
    (axes,) = confusion_figure(labels, calls, classes=3).axes
    counts = [int(text.get_text()) for text in axes.texts]
    assert counts == confusion_matrix(labels, calls).ravel().tolist()
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == ["benign\nwithout callback", "benign", "malignant"]


def test_a_class_that_is_never_called_has_its_place() -> None:
    (axes,) = confusion_figure(np.array([0, 0]), np.array([False, False])).axes
    assert [text.get_text() for text in axes.texts] == ["2", "0", "0", "0"]


def test_a_figure_becomes_a_picture() -> None:
    picture = to_image(image_grid(np.ones((1, 4, 4)), columns=1))
    assert picture.dtype == np.uint8
    assert picture.shape[0] == 1
    assert picture.shape[-1] == 4
