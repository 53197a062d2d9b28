"""Real processes, killed for real: `--resume` ends where the unbroken run ends.

The stages of an epoch's end are gone through one by one, without processes, in
`tests/training/test_callbacks.py`.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.processes import Process, ending
from tests.tiny_model import ROOT, completed, flags
from tests.waiting import DEADLINE_S, until

EPOCHS = 8

Start = Callable[[list[str], Path], Process]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts processes, each of which prints to a file."""
    started: list[Process] = []

    def start(words: list[str], log: Path) -> Process:
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.tiny_model", *words],
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
            )
        started.append(process)
        return process

    with ending(started):
        yield start


def _checkpoint(run: Path, epoch: int) -> Callable[[], bool]:
    return (run / "checkpoints" / f"epoch-{epoch:05d}").exists


def _epochs_shown(log: Path) -> list[int]:
    """Numbers of the epochs that were begun, as `fit` prints them."""
    text = log.read_text(errors="replace")  # A kill may cut a character in two.
    return [int(number) for number in re.findall(rf"Epoch (\d+)/{EPOCHS}", text)]


def _contents(run: Path) -> tuple[dict[str, np.ndarray], list[np.ndarray], str]:
    """Everything in the last checkpoint, the best model's weights, the history."""
    with np.load(run / "checkpoints" / f"epoch-{EPOCHS:05d}" / "variables.npz") as file:
        last = dict(file)
    best = keras.models.load_model(run / "best.keras", compile=False)
    return last, best.get_weights(), (run / "history.csv").read_text()


@pytest.mark.slow
@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("seed", [2025])
def test_a_run_killed_again_and_again_ends_as_the_unbroken_one(
    start, tmp_path, store_dir, tiny_model, seed
):
    moments = random.Random(seed)
    unbroken, run = tmp_path / "unbroken", tmp_path / "run"
    settings = {"store_dir": store_dir, "epochs": EPOCHS, "batch_size": 4}
    words = ["train", *flags(**settings, deterministic=True)]
    reference = start([*words, "--run-dir", str(unbroken)], tmp_path / "unbroken.log")
    words += ["--run-dir", str(run)]
    resumed = ["train", "--run-dir", str(run), "--resume"]

    # Before the first checkpoint, somewhere in building, tracing or the first epoch.
    process = start(words, tmp_path / "0.log")
    until((run / "config.json").exists, process)
    time.sleep(moments.uniform(0, 1))
    process.kill()
    assert process.wait() == -signal.SIGKILL

    # The moment that a checkpoint has its name, before history and best model.
    begun = completed(run)
    process = start(resumed, tmp_path / "1.log")
    until(_checkpoint(run, begun + 1), process)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert _epochs_shown(tmp_path / "1.log")[0] == begun + 1
    assert completed(run) >= begun + 1

    # In the middle of an epoch.
    begun = completed(run)
    process = start(resumed, tmp_path / "2.log")
    until(_checkpoint(run, begun + 1), process)
    time.sleep(moments.uniform(0.02, 0.1))
    process.kill()
    assert process.wait() == -signal.SIGKILL
    shown = _epochs_shown(tmp_path / "2.log")
    assert shown[0] == begun + 1
    lost = shown[-1] - completed(run)
    assert lost in (0, 1), "at most the epoch that was under way"

    # Ctrl-C: a clean end, with the best model and a line on how to carry on.
    begun = completed(run)
    process = start(resumed, tmp_path / "3.log")
    until(lambda: bool(_epochs_shown(tmp_path / "3.log")), process)
    process.send_signal(signal.SIGINT)
    ended = process.wait(DEADLINE_S)
    text = (tmp_path / "3.log").read_text()
    assert ended == 130, text
    assert f"Resume: python train.py --run-dir {run} --resume" in text
    assert "Traceback" not in text
    assert (run / "best.keras").is_file()
    assert len((run / "history.csv").read_text().splitlines()) == 1 + completed(run)

    process = start(resumed, tmp_path / "4.log")
    assert process.wait(DEADLINE_S) == 0, (tmp_path / "4.log").read_text()
    assert reference.wait(DEADLINE_S) == 0, (tmp_path / "unbroken.log").read_text()
    assert _epochs_shown(tmp_path / "unbroken.log") == list(range(1, EPOCHS + 1))

    (last, best, history), (last_, best_, history_) = map(_contents, (run, unbroken))
    assert history == history_
    assert list(last) == list(last_)
    assert len(last) > 30
    for name, expected in last_.items():
        np.testing.assert_array_equal(last[name], expected)
    for actual, expected in zip(best, best_, strict=True):
        np.testing.assert_array_equal(actual, expected)
    assert not [path for path in run.rglob(".*") if "partial" in path.name]
    assert os.listdir(run / "checkpoints") == [f"epoch-{EPOCHS:05d}"]
