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

from keras_wa.training.ctrl_c import StopOnCtrlC
from tests.tiny_model import tiny


class PressInAFinalizer(keras.callbacks.Callback):
    """Presses Ctrl-C where Python drops what it raises."""

    steps = 0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.steps += 1
        passing = keras.Variable(0.0)
        self.ref = weakref.ref(passing, lambda _: signal.raise_signal(signal.SIGINT))
        del passing


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_in_a_finalizer_is_not_lost() -> None:
    model = tiny()
    model.compile("sgd", "categorical_crossentropy")
    images, labels = np.zeros((8, 32, 32, 1)), np.eye(2)[[0, 1] * 4]
    press = PressInAFinalizer()
    with pytest.raises(KeyboardInterrupt), StopOnCtrlC() as stop:
        model.fit(images, labels, batch_size=2, callbacks=[stop, press], verbose=0)
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
