"""Strategy, precision and seeds follow the config."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_wa.errors import UserError
from keras_wa.training import hardware
from keras_wa.training.config import TrainConfig
from keras_wa.training.hardware import describe_devices, set_up

HAS_GPU = bool(tf.config.list_physical_devices("GPU"))


@pytest.mark.parametrize("name", ["auto", "one-device"])
def test_one_device_needs_no_strategy(name: str) -> None:
    if name == "auto" and len(tf.config.list_logical_devices("GPU")) > 1:
        pytest.skip("`auto` takes all of several GPUs")
    with set_up(TrainConfig(strategy=name)) as strategy:
        assert strategy is tf.distribute.get_strategy()
        assert strategy.num_replicas_in_sync == 1


def test_mirrored_runs_on_every_device() -> None:
    with set_up(TrainConfig(strategy="mirrored")) as strategy:
        pass
    assert isinstance(strategy, tf.distribute.MirroredStrategy)
    kind = "GPU" if HAS_GPU else "CPU"
    assert strategy.num_replicas_in_sync == len(tf.config.list_logical_devices(kind))


@pytest.mark.parametrize("visible", [1, 2])
def test_auto_takes_all_gpus_where_there_are_several(
    monkeypatch: pytest.MonkeyPatch, visible: int
) -> None:
    devices = [tf.config.LogicalDevice(f"/gpu:{i}", "GPU") for i in range(visible)]
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda _: devices)
    mirrored: list[list[str]] = []

    def mirror(names: list[str]) -> tf.distribute.Strategy:
        mirrored.append(names)
        return tf.distribute.get_strategy()

    monkeypatch.setattr(tf.distribute, "MirroredStrategy", mirror)
    with set_up(TrainConfig(strategy="auto")):
        pass
    assert mirrored == ([["/gpu:0", "/gpu:1"]] if visible == 2 else [])


def test_a_tpu_that_is_not_there_is_missed_in_one_line() -> None:
    with (
        pytest.raises(UserError, match=r"No TPU was found.*TPU_NAME.*strategy='auto'"),
        set_up(TrainConfig(strategy="tpu")),
    ):
        pass


def test_the_batch_must_divide_by_the_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    class Three:
        num_replicas_in_sync = 3

    monkeypatch.setattr("keras_wa.training.hardware._strategy", lambda _: Three())
    with (
        pytest.raises(UserError, match=r"`batch_size=16` .* 3 devices"),
        set_up(TrainConfig(batch_size=16)),
    ):
        pass
    with set_up(TrainConfig(batch_size=15)):
        pass


@pytest.mark.parametrize("precision", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_layers_made_inside_have_the_configs_precision(precision: str) -> None:
    before = keras.config.dtype_policy()
    with set_up(TrainConfig(precision=precision)):
        layer = keras.layers.Dense(2)
    assert keras.config.dtype_policy() is before
    assert layer.compute_dtype == precision.removeprefix("mixed_")
    assert layer.variable_dtype == "float32"


def test_the_same_seed_gives_the_same_initial_weights() -> None:
    def kernel(seed: int) -> np.ndarray:
        with set_up(TrainConfig(seed=seed)):
            layer = keras.layers.Dense(4)
            layer.build((None, 3))
        return np.asarray(layer.kernel)

    np.testing.assert_array_equal(kernel(1), kernel(1))
    assert not np.array_equal(kernel(1), kernel(2))


def test_determinism_is_switched_on_when_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # It cannot be switched off again, so it is not really switched on here.
    switched: list[bool] = []
    monkeypatch.setattr(
        tf.config.experimental, "enable_op_determinism", lambda: switched.append(True)
    )
    with set_up(TrainConfig(deterministic=False)):
        assert switched == []
    with set_up(TrainConfig(deterministic=True)):
        pass
    assert switched == [True]


def test_the_devices_are_told_in_a_few_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: [])
    monkeypatch.setattr(hardware, "usable_cores", lambda: 1)
    assert describe_devices() == "CPU, 1 core"
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: ["a", "b"])
    monkeypatch.setattr(
        tf.config.experimental, "get_device_details", lambda _: {"device_name": "H200"}
    )
    assert describe_devices() == "2 x H200"
