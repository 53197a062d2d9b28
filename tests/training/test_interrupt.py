"""Ctrl-C ends a real training process cleanly."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pandas as pd

from tests.tiny_model import flags, start


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
