"""Ctrl-C ends a real training process cleanly."""

from __future__ import annotations

import signal
import subprocess
import time
import weakref
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from keras_wa.training.ctrl_c import StopOnCtrlC
from tests.tiny_model import flags, start, tiny


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


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Waits until a process has made a file or folder."""
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.005)


def test_ctrl_c_keeps_the_best_model_and_says_how_to_carry_on(
    tmp_path: Path, store_dir: Path
) -> None:
    run = tmp_path / "stopped"
    words = flags(store_dir=store_dir, epochs=500)
    process = start("train", *words, "--run-dir", run)
    wait_for(run / "checkpoints/epoch-00002", process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert f"--run-dir {run} --resume" in out
    assert (run / "best.keras").is_file()
    assert len(pd.read_csv(run / "history.csv")) >= 2
