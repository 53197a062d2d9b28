"""A run that was killed ends as the run that was not; Ctrl-C ends one cleanly."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pandas as pd

from tests.tiny_model import flags, start

EPOCHS = 12


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Waits until a process has made a file or folder."""
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.005)


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


def kill_at(path: Path, process: subprocess.Popen[str]) -> None:
    wait_for(path, process)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def variables(run: Path) -> list[np.ndarray]:
    """Weights, random states and optimizer at the end of a run."""
    with np.load(run / f"checkpoints/epoch-{EPOCHS:05d}/variables.npz") as arrays:
        return [arrays[name] for name in arrays]


def test_a_run_killed_twice_ends_with_the_same_weights(
    tmp_path: Path, store_dir: Path
) -> None:
    words = flags(store_dir=store_dir, epochs=EPOCHS, deterministic=True)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    reference = start("train", *words, "--run-dir", whole)
    # Once before any epoch is complete, once right after a checkpoint appears.
    kill_at(killed / "split.csv", start("train", *words, "--run-dir", killed))
    assert not list(killed.glob("checkpoints/epoch-*"))
    again = ["train", "--run-dir", killed, "--resume"]
    kill_at(killed / "checkpoints/epoch-00002", start(*again))
    completed = len(list(killed.glob("checkpoints/epoch-*")))
    assert completed >= 1
    finish(start(*again))
    finish(reference)
    for found, expected in zip(variables(killed), variables(whole), strict=True):
        np.testing.assert_array_equal(found, expected)
    found, expected = (pd.read_csv(run / "history.csv") for run in (killed, whole))
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


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
