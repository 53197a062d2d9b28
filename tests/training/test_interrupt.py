"""Ctrl-C ends a training between two steps.

Real processes: `tests/cli/test_resume.py`.
"""

from __future__ import annotations

import signal
import weakref
from typing import Any

import keras
import numpy as np
import pytest

from keras_wa.backend import on_tensorflow
from keras_wa.errors import UserError
from keras_wa.training.ctrl_c import StopOnCtrlC
from tests.tiny_model import tiny

pytestmark = pytest.mark.usefixtures("ctrl_c")


class PressInAFinalizer(keras.callbacks.Callback):
    """Presses Ctrl-C where Python drops what it raises."""

    steps = 0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.steps += 1
        passing = keras.Variable(0.0)
        self.ref = weakref.ref(passing, lambda _: signal.raise_signal(signal.SIGINT))
        del passing


class PressWhileTraced(keras.layers.Layer):
    """Presses Ctrl-C, once, where TensorFlow's C++ has called Python, or JAX's."""

    pressed = False

    def call(self, x: Any, training: bool = False) -> Any:
        if training and not self.pressed:
            self.pressed = True
            signal.raise_signal(signal.SIGINT)
        return x


class Steps(keras.callbacks.Callback):
    """Counts the steps, and presses Ctrl-C twice in the one with the number `twice`."""

    def __init__(self, twice: int | None = None) -> None:
        super().__init__()
        self.begun = self.ended = 0
        self.twice = twice

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self.begun == self.twice:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        self.begun += 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.ended += 1


def fit(
    model: keras.Model, *callbacks: keras.callbacks.Callback, epochs: int = 1
) -> None:
    model.compile("sgd", "categorical_crossentropy")
    images, labels = np.zeros((8, 32, 32, 1)), np.eye(2)[[0, 1] * 4]
    model.fit(images, labels, 2, epochs, callbacks=list(callbacks), verbose=0)


def test_ctrl_c_while_a_step_is_traced_waits_for_the_end_of_the_step(
    capfd: pytest.CaptureFixture[str],
) -> None:
    model = keras.Sequential([PressWhileTraced(), tiny()])
    steps = Steps()
    with pytest.raises(KeyboardInterrupt), StopOnCtrlC() as stop:
        fit(model, steps, stop)
    assert (steps.begun, steps.ended) == (1, 1)
    assert int(model.optimizer.iterations) == 1
    assert "Stopping after this step" in capfd.readouterr().err


@pytest.mark.parametrize("epochs", [1, 2])
def test_ctrl_c_at_the_end_of_an_epoch_begins_no_other(epochs: int) -> None:
    steps = Steps()
    press = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: signal.raise_signal(signal.SIGINT)
    )
    with pytest.raises(KeyboardInterrupt), StopOnCtrlC() as stop:
        fit(tiny(), stop, press, steps, epochs=epochs)
    assert steps.begun == 4


def test_an_error_in_the_step_hides_ctrl_c() -> None:
    def fail() -> None:
        with StopOnCtrlC():
            signal.raise_signal(signal.SIGINT)
            raise UserError("NaN")

    with pytest.raises(UserError):
        fail()


def test_a_second_ctrl_c_waits_only_where_the_step_has_the_weights() -> None:
    steps = Steps(twice=2)
    with pytest.raises(KeyboardInterrupt), StopOnCtrlC() as stop:
        fit(tiny(), steps, stop)
    whole = 2 if on_tensorflow() else 3
    assert (steps.begun, steps.ended) == (whole, whole)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_in_a_finalizer_is_not_lost() -> None:
    press = PressInAFinalizer()
    with pytest.raises(KeyboardInterrupt), StopOnCtrlC() as stop:
        fit(tiny(), stop, press)
    assert press.steps == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_program_is_left_alone() -> None:
    def own(*_: object) -> None:
        """Does nothing."""

    before = signal.signal(signal.SIGINT, own)
    try:
        with StopOnCtrlC():
            assert signal.getsignal(signal.SIGINT) is own
        assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, before)
