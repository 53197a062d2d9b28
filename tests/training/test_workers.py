"""What several processes exchange is what one process would have had."""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_wa.layers import SubbandNormalization
from keras_wa.training.fused import fuse_batch_normalization
from keras_wa.training.workers import (
    SINGLE_PROCESS,
    WorkerLostError,
    Workers,
    raising_lost,
)
from tests.training.worker_pair import assert_halves_are_whole, normalizer
from tests.two_processes import ending, free_addresses, start_worker
from tests.waiting import DEADLINE_S


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each of two real processes saw."""
    folder, addresses = tmp_path_factory.mktemp("pair"), free_addresses()
    logs = [folder / f"{index}.log" for index in range(2)]
    words = ["tests.training.worker_pair"]
    processes = [start_worker(words, addresses, i, log) for i, log in enumerate(logs)]
    with ending(processes):
        codes = [process.wait(DEADLINE_S) for process in processes]
    assert codes == [0, 0], [log.read_text() for log in logs]
    return [json.loads(log.read_text().splitlines()[-1]) for log in logs]


def test_each_process_has_the_mean(pair: list[dict[str, Any]]) -> None:
    assert [seen["index"] for seen in pair] == [0, 1]
    for seen in pair:
        assert seen["count"] == 2
        assert seen["mean"] == [1.5, 4.0]
        assert seen["means"] == [[1.5, 4.0], None, [[1.0]]]
        assert seen["dtypes"] == ["float32", None, "float16"]


def test_two_halves_are_normalised_as_the_whole_batch_is(
    pair: list[dict[str, Any]],
) -> None:
    halves = [[np.array(part) for part in seen["normalized"]] for seen in pair]
    assert_halves_are_whole(halves)


def test_logs_are_shared_and_a_nan_reaches_everybody(
    pair: list[dict[str, Any]],
) -> None:
    for seen in pair:
        assert seen["logs"] == {"loss": 0.5, "accuracy": 0.5}
        assert seen["broken"]


def test_workers_that_differ_say_in_what(pair: list[dict[str, Any]]) -> None:
    for seen in pair:
        assert "The 2 workers differ in another and a third." in seen["error"]


class TwoAlike(Workers):
    """Two workers that hold the same: every mean is what each has."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 2

    def mean(self, tensor: tf.Tensor) -> tf.Tensor:
        return tensor


@pytest.mark.parametrize("rank", [2, 3, 4])
@pytest.mark.parametrize(
    "kind", [keras.layers.BatchNormalization, SubbandNormalization]
)
def test_every_kind_of_layer_is_normalised_as_keras_does(rank: int, kind: Any) -> None:
    shape = (8, 5, 4, 3)[:1] + (5, 4, 3)[4 - rank :]
    images = np.random.default_rng(rank).normal(2.0, 3.0, shape).astype("float32")
    found = []
    for workers in (None, TwoAlike()):
        inputs = keras.Input(shape[1:])
        layer = kind(momentum=0.7)
        model = keras.Model(inputs, layer(inputs))
        if workers:
            fuse_batch_normalization(model, workers)
        outputs = model(images, training=True)
        found.append([outputs, *layer.weights, model(images, training=False)])
    assert len(found[0]) == len(found[1])
    for expected, part in zip(*found, strict=True):
        np.testing.assert_allclose(part, expected, rtol=2e-5, atol=2e-5)


def test_layers_of_a_model_in_the_model_are_shared_too() -> None:
    class Far(TwoAlike):
        """Two workers, the other one of which holds nothing but zeros."""

        def mean(self, tensor: tf.Tensor) -> tf.Tensor:
            return tensor / 2.0

    inner = normalizer()
    inputs = keras.Input((6, 5, 3))
    model = keras.Model(inputs, inner(inputs))
    fuse_batch_normalization(model, Far())
    model(np.ones((2, 6, 5, 3), "float32"), training=True)
    moving_mean = inner.layers[1].moving_mean
    np.testing.assert_allclose(moving_mean, 0.7 * 1.0 + 0.3 * 0.5, rtol=1e-6)


@pytest.mark.parametrize("options", [{"axis": 1}, {"synchronized": True}])
def test_a_layer_that_cannot_be_shared_is_named(options: dict[str, Any]) -> None:
    inputs = keras.Input((5, 4, 3))
    layer = keras.layers.BatchNormalization(name="odd", **options)
    model = keras.Model(inputs, layer(inputs))
    with pytest.raises(ValueError, match="'odd'"):
        fuse_batch_normalization(model, TwoAlike())


def test_a_frozen_layer_keeps_its_averages() -> None:
    model = normalizer(TwoAlike())
    model.layers[1].trainable = False
    before = [np.array(each) for each in model.weights]
    model(np.ones((2, 6, 5, 3), "float32"), training=True)
    for old, new in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, new)


def test_alone_nothing_is_exchanged_or_changed() -> None:
    tensor = tf.constant([1.0])
    assert SINGLE_PROCESS.mean(tensor) is tensor
    SINGLE_PROCESS.require_same({"anything": 1})
    SINGLE_PROCESS.wait_to_leave()
    optimizer = keras.optimizers.SGD()
    SINGLE_PROCESS.average_gradients(optimizer)
    assert "apply" not in vars(optimizer)


def test_the_end_of_another_process_has_an_error_of_its_own() -> None:
    message = "{{node X}} Collective ops is aborted by: Socket closed\nmore [Op:X]"
    lost = pytest.raises(WorkerLostError, match=r"^Socket closed$")
    with lost, raising_lost():
        raise tf.errors.UnavailableError(None, None, message)
    with pytest.raises(tf.errors.InvalidArgumentError), raising_lost():
        raise tf.errors.InvalidArgumentError(None, None, "something else")
