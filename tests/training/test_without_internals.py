"""Another TensorFlow may lack private parts: public ones then take their place."""

from __future__ import annotations

import math
from typing import Any

import pytest
import tensorflow as tf

from keras_wa import tensorflow_internals as internals
from keras_wa.models import create_model
from keras_wa.training.flops import gflops
from keras_wa.training.release import release_custom_gradients
from tests.tiny_model import tiny

NAMES = ["gradient_registry", "op_stats", "register_statistics"]
REGISTRY = internals.gradient_registry


@pytest.fixture
def none_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setattr(internals, name, None)


def test_this_tensorflow_has_them_all() -> None:
    assert [name for name in NAMES if getattr(internals, name) is None] == []


@pytest.mark.slow
def test_what_cannot_be_counted_is_not_a_number(none_there: None) -> None:
    assert gflops(tiny(image_size=32)) > 0
    assert math.isnan(gflops(create_model("cnn_vit", image_size=32)))


def test_a_training_keeps_its_memory_and_goes_on(none_there: None) -> None:
    @tf.custom_gradient
    def doubled(x: tf.Tensor) -> Any:
        return 2 * x, lambda upstream: 2 * upstream

    assert REGISTRY is not None
    before = len(REGISTRY)
    with release_custom_gradients():
        result = tf.function(doubled)(tf.constant(3.0))
    assert float(result) == 6.0
    assert len(REGISTRY) > before, "nothing was kept: the fallback was not tested"
