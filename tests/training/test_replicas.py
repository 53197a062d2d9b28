"""Two replicas in one process train as one device does with the whole batch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from keras_wa.layers import SubbandNormalization
from keras_wa.training import fused
from keras_wa.training.fused import fuse_batch_normalization
from keras_wa.training.optimizer import FusedAdam
from keras_wa.training.replicas import share_overflow
from tests.processes import python
from tests.training.halves import assert_halves_are_whole, normalizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where one process trained on one device and on two, and evaluated."""
    path = tmp_path_factory.mktemp("replicas")
    done = python("-m", "tests.training.replica_pair", path)
    (path / "seen.json").write_text(done.stdout.splitlines()[-1])
    return path


@pytest.fixture(scope="module")
def seen(folder: Path) -> dict[str, Any]:
    """What the process printed."""
    return dict(json.loads((folder / "seen.json").read_text()))


def _history(run: Path) -> pd.DataFrame:
    return pd.read_csv(run / "history.csv", index_col="epoch")


@pytest.mark.slow
def test_two_halves_are_normalised_as_the_whole_batch_is(seen: dict[str, Any]) -> None:
    halves = [[np.array(part) for part in half] for half in seen["normalized"]]
    assert_halves_are_whole(halves)


@pytest.mark.slow
def test_a_mirrored_run_ends_where_one_device_does(folder: Path) -> None:
    names = ("one-device", "mirrored")
    (last,) = {p.name for n in names for p in (folder / n / "checkpoints").iterdir()}
    alone, mirrored = (
        np.load(folder / name / "checkpoints" / last / "variables.npz")
        for name in names
    )
    assert alone.files == mirrored.files
    # Nine weights, two numbers and the factors of the optimizer, two moments and the
    # average of each of five weights.
    assert len(alone.files) == 9 + 3 + 3 * 5
    for each in alone.files:
        np.testing.assert_allclose(mirrored[each], alone[each], rtol=0, atol=1e-5)
    alone, mirrored = (_history(folder / name) for name in names)
    pd.testing.assert_frame_equal(mirrored, alone, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_the_history_has_the_validation_of_the_file_that_is_kept(folder: Path) -> None:
    run = folder / "mirrored"
    history = _history(run)
    best = history.loc[history["val_auc"].idxmax()]
    evaluation = run / "evaluation" / "val"
    found = json.loads((evaluation / "metrics.json").read_text())
    assert found["metrics"]["auc"]["value"] == pytest.approx(best["val_auc"], abs=1e-6)
    table = pd.read_csv(evaluation / "predictions.csv")
    loss = log_loss(table["label"], table["probability"])
    assert loss == pytest.approx(best["val_loss"], abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("count", [33, 1])
def test_predictions_keep_their_order_and_number(
    seen: dict[str, Any], count: int
) -> None:
    shared, alone = (np.array(each)[:count] for each in seen["outputs"][str(count)])
    assert shared.shape == (count, 2)
    np.testing.assert_allclose(shared, alone, rtol=0, atol=1e-6)
    assert len(np.unique(alone[:, 0])) == count


@pytest.mark.slow
def test_a_step_is_left_out_whichever_replica_overflows(seen: dict[str, Any]) -> None:
    assert seen["overflow"] == [{"finite": True, "steps": 1}] * 2


def test_an_optimizer_without_loss_scale_stays_as_it_is() -> None:
    optimizer = FusedAdam(0.01)
    share_overflow(optimizer)
    assert "apply" not in vars(optimizer)
    scaled = keras.optimizers.LossScaleOptimizer(optimizer)
    share_overflow(scaled)
    assert "apply" in vars(scaled)


@pytest.fixture
def two_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two replicas that hold the same: every mean is what each has."""
    monkeypatch.setattr(fused, "count_replicas", lambda: 2)
    monkeypatch.setattr(fused, "mean_of_replicas", lambda tensor: tensor)


@pytest.mark.usefixtures("two_alike")
@pytest.mark.parametrize("rank", [2, 3, 4])
@pytest.mark.parametrize(
    "kind", [keras.layers.BatchNormalization, SubbandNormalization]
)
def test_every_kind_of_layer_is_normalised_as_keras_does(rank: int, kind: Any) -> None:
    shape = (8, *(5, 4, 3)[4 - rank :])
    images = np.random.default_rng(rank).normal(2.0, 3.0, shape).astype("float32")
    found = []
    for fuse in (lambda model: None, fuse_batch_normalization):
        inputs = keras.Input(shape[1:])
        layer = kind(momentum=0.7)
        model = keras.Model(inputs, layer(inputs))
        fuse(model)
        outputs = model(images, training=True)
        found.append([outputs, *layer.weights, model(images, training=False)])
    assert len(found[0]) == len(found[1])
    for expected, part in zip(*found, strict=True):
        np.testing.assert_allclose(part, expected, rtol=2e-5, atol=2e-5)


def test_layers_of_a_model_in_the_model_are_shared_too(
    two_alike: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The other replica holds nothing but zeros.
    monkeypatch.setattr(fused, "mean_of_replicas", lambda tensor: tensor / 2.0)
    inner = normalizer()
    inputs = keras.Input((6, 5, 3))
    model = keras.Model(inputs, inner(inputs))
    fuse_batch_normalization(model)
    model(np.ones((2, 6, 5, 3), "float32"), training=True)
    moving_mean = inner.layers[1].moving_mean
    np.testing.assert_allclose(moving_mean, 0.7 * 1.0 + 0.3 * 0.5, rtol=1e-6)


@pytest.mark.usefixtures("two_alike")
@pytest.mark.parametrize("options", [{"axis": 1}, {"synchronized": True}])
def test_a_layer_that_cannot_be_shared_is_named(options: dict[str, Any]) -> None:
    inputs = keras.Input((5, 4, 3))
    layer = keras.layers.BatchNormalization(name="odd", **options)
    model = keras.Model(inputs, layer(inputs))
    with pytest.raises(ValueError, match="'odd'"):
        fuse_batch_normalization(model)


@pytest.mark.usefixtures("two_alike")
def test_a_frozen_layer_keeps_its_averages() -> None:
    model = normalizer()
    fuse_batch_normalization(model)
    model.layers[1].trainable = False
    before = [np.array(each) for each in model.weights]
    model(np.ones((2, 6, 5, 3), "float32"), training=True)
    for old, new in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, new)
