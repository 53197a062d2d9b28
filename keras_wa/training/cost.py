"""The cost of a model: parameters, operations, and the time of a training step."""

from __future__ import annotations

import dataclasses
import math
import time

import keras
import numpy as np

from keras_wa.backend import on_tensorflow
from keras_wa.data.pipeline.batches import training_batches
from keras_wa.training.building import build_model, compile_model
from keras_wa.training.config import TrainConfig
from keras_wa.training.data import RunData
from keras_wa.training.hardware import describe_devices, set_up

_WARM, _TIMED = 2, 5


@dataclasses.dataclass(frozen=True)
class Cost:
    """The cost of a model on one machine.

    Attributes:
        parameters: number of weights, trainable or not.
        gflops: 10^9 floating-point operations of the forward pass of one ROI; a
            multiply-add counts as two. `None` without TensorFlow, whose profiler counts
            them.
        step_seconds: median time of a training step.
        batch_size: ROIs per step, or pairs of ROIs with `views="two"`.
        hardware: the devices on which it was timed.
    """

    parameters: int
    gflops: float | None
    step_seconds: float
    batch_size: int
    hardware: str


def measure_cost(config: TrainConfig, data: RunData) -> Cost:
    """Builds a config's model and times a few training steps.

    Args:
        config: settings of the training.
        data: the ROIs; one batch is used.
    """
    plan = data.training_plan()
    seconds = []
    with set_up(config):
        model = build_model(config, pretrained=False)
        operations = count_gflops(model)
        trained = compile_model(model, config, plan)
        inputs, targets, weights = next(iter(training_batches(plan, 0, 1)))
        for _ in range(_WARM + _TIMED):
            start = time.perf_counter()
            trained.train_on_batch(inputs, targets, sample_weight=weights)
            seconds.append(time.perf_counter() - start)
    keras.backend.clear_session()
    return Cost(
        parameters=model.count_params(),
        gflops=operations,
        step_seconds=float(np.median(seconds[_WARM:])),
        batch_size=config.batch_size,
        hardware=describe_devices(),
    )


def count_gflops(model: keras.Model) -> float | None:
    """Returns `keras_wa.training.flops.gflops`, or `None` if it cannot be counted."""
    if not on_tensorflow():
        return None
    from keras_wa.training.flops import gflops

    counted = gflops(model)
    return None if math.isnan(counted) else counted
