"""Nothing of a training stays in memory."""

from __future__ import annotations

import contextlib
import gc
import weakref
from typing import Any

import keras
import numpy as np
import pytest

from keras_wa.layers import DWT2D
from keras_wa.training.config import TrainConfig
from keras_wa.training.optimizer import make_optimizer
from keras_wa.training.release import release_custom_gradients


def _train(optimizer: str, block: Any) -> list[Any]:
    """Weak references to the variables of model and optimizer."""
    with block:
        inputs = keras.Input((8, 8, 1))
        x = keras.layers.Flatten()(DWT2D("db2")(inputs))
        model = keras.Model(inputs, keras.layers.Dense(2)(x))
        config = TrainConfig(optimizer=optimizer)
        model.compile(make_optimizer(config, model, 0.01, 1), "mse", jit_compile=False)
        model.fit(np.zeros((4, 8, 8, 1)), np.zeros((4, 2)), verbose=0)
    variables = [*model.variables, *model.optimizer.variables]
    return [weakref.ref(each.value.handle) for each in variables]


def _kept(handles: list[Any]) -> bool:
    keras.backend.clear_session()
    gc.collect()
    assert len(handles) > 4
    return any(each() is not None for each in handles)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_variables_do_not_outlive_their_training(optimizer: str) -> None:
    assert not _kept(_train(optimizer, release_custom_gradients()))
    # Without it they do, so it is still needed.
    assert _kept(_train(optimizer, contextlib.nullcontext()))
