"""Devices, precision and determinism, set before a model is built."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_wa.backend import on_tensorflow, require_tensorflow
from keras_wa.cores import usable_cores
from keras_wa.errors import UserError
from keras_wa.training.config import TrainConfig

if TYPE_CHECKING:
    import tensorflow as tf


@contextlib.contextmanager
def set_up(config: TrainConfig) -> Iterator[tf.distribute.Strategy | None]:
    """Sets seed, determinism and precision, and shares the batches among devices.

    On JAX that is `keras.distribution.DataParallel` over all devices of all processes,
    inside the block.

    The dtype policy is restored at the end of the block. TensorFlow's op determinism
    stays enabled: it cannot be disabled.

    Args:
        config: settings, of which `seed, deterministic, precision, strategy,
            batch_size` are read.

    Yields:
        TensorFlow's strategy, in whose scope to build the model; None on JAX.
        `auto` uses all accelerators if there are several, otherwise one device.

    Raises:
        UserError: the strategy's devices are missing, or the batch size is not
            divisible by their number.
    """
    keras.utils.set_random_seed(config.seed)
    strategy = _strategy_of(config) if on_tensorflow() else None
    scope = contextlib.nullcontext() if on_tensorflow() else _data_parallel(config)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(config.precision)
    try:
        with scope:
            yield strategy
    finally:
        keras.config.set_dtype_policy(policy)


def _strategy_of(config: TrainConfig) -> tf.distribute.Strategy:
    import tensorflow as tf

    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    strategy = _strategy(config.strategy)
    require_divisible(config, strategy.num_replicas_in_sync)
    return strategy


def _data_parallel(config: TrainConfig) -> contextlib.AbstractContextManager[None]:
    import jax

    require_backend(config)
    several = (
        jax.process_count() > 1
        or config.strategy == "mirrored"
        or (config.strategy == "auto" and jax.default_backend() != "cpu")
    )
    if not several or jax.device_count() == 1:
        return contextlib.nullcontext()
    require_divisible(config, jax.device_count())
    # Each process reads its share of a batch only.
    return keras.distribution.DataParallel(auto_shard_dataset=False).scope()


def process() -> tuple[int, int]:
    """Returns the index and the number of the processes that train together."""
    if on_tensorflow():
        return 0, 1
    import jax

    return jax.process_index(), jax.process_count()


def share_of_process(n: int) -> np.ndarray:
    """Returns the positions of `n` ROIs that this process evaluates.

    All shares have one size; the last one is padded with the last position.
    """
    index, count = process()
    size = -(-n // count)
    return np.minimum(np.arange(index * size, (index + 1) * size), n - 1)


def gather_outputs(outputs: np.ndarray, n: int) -> np.ndarray:
    """Gathers the outputs for `n` ROIs from all processes, in each; drops padding."""
    _, count = process()
    if count > 1:
        from jax.experimental.multihost_utils import process_allgather

        outputs = process_allgather(outputs[: -(-n // count)], tiled=True)
    return outputs[:n]


def require_divisible(config: TrainConfig, devices: int) -> None:
    """Raises a `UserError` unless the batch is divisible by the number of devices."""
    if config.batch_size % devices:
        raise UserError(
            f"`batch_size={config.batch_size}` is not divisible by {devices} devices."
        )


def require_backend(config: TrainConfig) -> None:
    """Raises an error if a setting needs TensorFlow and Keras runs on another backend.

    Args:
        config: settings, of which `deterministic, strategy` are read.

    Raises:
        UserError: a setting needs TensorFlow.
    """
    if on_tensorflow():
        return
    if config.strategy == "tpu":
        require_tensorflow("`strategy='tpu'`")
    if config.deterministic:
        require_tensorflow("`deterministic=True`")


def _strategy(name: str) -> tf.distribute.Strategy:
    import tensorflow as tf

    gpus = tf.config.list_logical_devices("GPU")
    if name == "tpu":
        try:
            resolver = tf.distribute.cluster_resolver.TPUClusterResolver(
                tpu=os.environ.get("TPU_NAME", "local")
            )
            tf.config.experimental_connect_to_cluster(resolver)
            tf.tpu.experimental.initialize_tpu_system(resolver)
        except (ValueError, tf.errors.OpError) as error:
            raise UserError(
                "No TPU was found. Set TPU_NAME, or use `strategy='auto'`."
            ) from error
        return tf.distribute.TPUStrategy(resolver)
    if name == "mirrored" or (name == "auto" and len(gpus) > 1):
        # Without GPUs this mirrors over the logical CPUs, which tests use.
        devices = gpus or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.get_strategy()


def describe_devices() -> str:
    """Describes the devices briefly, for the terminal and the run's record."""
    names, (_, processes) = _accelerators(), process()
    cores = usable_cores()
    shown = f"CPU, {cores} core{'' if cores == 1 else 's'}"
    if names:
        shown = f"{len(names)} x {names[0]}"
    return f"{shown}, {processes} processes" if processes > 1 else shown


def _accelerators() -> list[str]:
    """Returns the names of the devices that are not CPUs."""
    if on_tensorflow():
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        describe = tf.config.experimental.get_device_details
        return [describe(each).get("device_name", "GPU") for each in gpus]
    if keras.backend.backend() == "jax":
        import jax

        return [d.device_kind for d in jax.devices() if d.platform != "cpu"]
    return []


def has_gpu() -> bool:
    """Returns whether TensorFlow finds a GPU."""
    import tensorflow as tf

    return bool(tf.config.list_logical_devices("GPU"))
