"""Ctrl-C ends a training, whatever Python was doing when it came."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from types import FrameType, TracebackType

import keras

from keras_wa.backend import on_tensorflow
from keras_wa.training.callbacks import Logs
from keras_wa.training.workers import WorkerLostError


class StopOnCtrlC(keras.callbacks.Callback):
    """Raises `KeyboardInterrupt` after the step in which Ctrl-C was pressed.

    Not at once: while TensorFlow traces a step, its C++ calls Python, and an exception
    in the middle of that ends the process now and then ("bad argument to internal
    function", or SIGABRT); inside a finalizer Python drops it. JAX gives the weights
    away to each step and gets them back after, and between the two there are none to
    save. What ends an epoch (validation, checkpoint) is brought to its end too. On
    TensorFlow a second Ctrl-C is raised at once, whatever comes of it.

    Use it as a context manager around `fit`. In another thread than the main one, or
    where the program has a handler of its own, it does nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pressed = False
        self._installed = False

    def __enter__(self) -> StopOnCtrlC:
        """Starts to listen, and gives the callback itself."""
        self._installed = (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )
        if self._installed:
            signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Puts Python's own handler back, and stops if that is still to be done.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed after the last step, or in one that
                failed since another worker has ended, by Ctrl-C too.
        """
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if error is None or isinstance(error, WorkerLostError):
            self._stop()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._stop()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._pressed:
            raise KeyboardInterrupt

    def _press(self, number: int, frame: FrameType | None) -> None:
        if self._pressed and on_tensorflow():
            raise KeyboardInterrupt
        self._pressed = True
        again = " Ctrl-C again: at once." if on_tensorflow() else ""
        said = f"\nStopping after this step, or the validation under way.{again}\n"
        # Not `print`, which a signal may interrupt and does not let in a second time.
        with contextlib.suppress(OSError):
            os.write(2, said.encode())
