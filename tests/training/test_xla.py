"""The training step holds nothing that XLA, and so a TPU, cannot run."""

from __future__ import annotations

import re
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_wa.data.pipeline.augmentation import Augmentation
from keras_wa.data.pipeline.batches import training_batches
from keras_wa.data.pipeline.plan import TrainingPlan
from keras_wa.data.pipeline.rois import Rois
from keras_wa.training.building import build_model, compile_model
from keras_wa.training.config import TrainConfig
from keras_wa.training.defaults import settled
from tests.tiny_model import weights_of

SIDE, BATCH = 32, 4


def compiled(model: str, **options: Any) -> tuple[keras.Model, Any]:
    """A model that is ready to train, and a batch of fixed shape."""
    keras.utils.set_random_seed(0)
    config = settled(
        TrainConfig(
            model=model,
            image_size=SIDE,
            weights="none",
            learning_rate=0.01,
            schedule="constant",
            model_options=options,
        )
    )
    images = np.random.default_rng(0).integers(0, 256, (8, SIDE, SIDE), "uint8")
    rois = Rois(lambda positions: images[positions], np.arange(8) % 2)
    plan = TrainingPlan(lambda epoch: rois, 8, SIDE, BATCH, augmentation=Augmentation())
    network = build_model(config)
    compile_model(network, config, plan)
    batch = next(iter(training_batches(plan, 0, 1)))
    network.test_on_batch(*batch)  # Makes the metrics' variables.
    network.reset_metrics()
    return network, batch


@pytest.mark.slow
def test_the_step_of_wa_resnet50_becomes_hlo_of_fixed_shapes_alone() -> None:
    model, batch = compiled("wa_resnet50")
    assert all(None not in part.shape for part in batch)
    step = tf.function(model.train_step, jit_compile=True)
    hlo = step.experimental_get_compiler_ir(batch)(stage="hlo")
    # Four bands go into the first convolution, in fixed numbers.
    assert f"f32[{BATCH},16,16,4]" in hlo
    # `f32[<=4]` would be a dynamic shape; callbacks, and Python, are custom calls.
    assert re.findall(r"\[<=", hlo) == []
    assert re.findall(r"custom-call|outfeed|infeed|send\(|recv\(", hlo) == []


def test_compiled_by_xla_a_step_ends_at_the_same_weights(tiny_model: None) -> None:
    ends = []
    for jit in (False, True):
        model, batch = compiled("tiny", dropout=0.0)
        step = tf.function(model.train_step, jit_compile=jit)
        for _ in range(3):
            logs = step(batch)
        ends.append([*weights_of(model), np.asarray(logs["loss"])])
    for plain, under_xla in zip(*ends, strict=True):
        np.testing.assert_allclose(under_xla, plain, rtol=0, atol=2e-5)
