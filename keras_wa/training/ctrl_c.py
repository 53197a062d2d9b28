"""Stopping a training safely on Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from types import FrameType, TracebackType

import keras

from keras_wa.backend import on_tensorflow
from keras_wa.training.callbacks import Logs


class StopOnCtrlC(keras.callbacks.Callback):
    """Raises `KeyboardInterrupt` after the step in which Ctrl-C was pressed.

    An immediate exception is not safe. While TensorFlow traces a step, its C++ calls
    Python, and an exception there sometimes ends the process ("bad argument to internal
    function", or SIGABRT); inside a finalizer Python drops it. JAX donates the weights
    to each step, so during a step there are none to save. The end of an epoch
    (validation, checkpoint) is completed too. On TensorFlow a second Ctrl-C is raised
    immediately, without these guarantees.

    Use it as a context manager around `fit`. It does nothing outside the main thread,
    or if the program has its own signal handler.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pressed = False
        self._installed = False

    def __enter__(self) -> StopOnCtrlC:
        """Installs the signal handler and returns the callback."""
        self._installed = (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )
        if self._installed:
            signal.signal(signal.SIGINT, self._handle_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Restores Python's handler, and raises a pending interrupt.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed after the last step.
        """
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if error is None:
            self._stop()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._stop()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._pressed:
            raise KeyboardInterrupt

    def _handle_signal(self, number: int, frame: FrameType | None) -> None:
        if self._pressed and on_tensorflow():
            raise KeyboardInterrupt
        self._pressed = True
        again = " Ctrl-C again: immediately." if on_tensorflow() else ""
        said = f"\nStopping after this step or the current validation.{again}\n"
        # Not `print`, which is not reentrant: the signal may interrupt a `print`.
        with contextlib.suppress(OSError):
            os.write(2, said.encode())
