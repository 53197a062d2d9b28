"""Two processes train as one does, also when one of them is killed in between."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_wa.cli import main
from tests.tiny_model import completed, flags
from tests.two_processes import ending, free_addresses, start_worker
from tests.waiting import DEADLINE_S, until

EPOCHS = 6  # Of six steps each.


def _words(store_dir: Path, run: Path, **changes: object) -> list[str]:
    # Without dropout: each worker would draw for its share as one does for the batch.
    # Slow: once rounding has put a ReLU on the other side of 0, two runs part.
    own = {"ema": 0.8, "optimizer": "adamw", "learning_rate": 0.003, **changes}
    words = flags(store_dir=store_dir, run_dir=run, epochs=EPOCHS, **own)
    return ["train", *words, "--model-option", "dropout=0.0"]


def _checkpoint(run: Path) -> list[np.ndarray]:
    path = run / "checkpoints" / f"epoch-{EPOCHS:05d}" / "variables.npz"
    with np.load(path) as arrays:
        return [arrays[name] for name in arrays]


@pytest.fixture(scope="module")
def alone(
    tmp_path_factory: pytest.TempPathFactory, store_dir: Path, tiny_model: None
) -> Path:
    """What one process reaches."""
    run = tmp_path_factory.mktemp("alone") / "run"
    assert main(_words(store_dir, run)) == 0
    return run


@pytest.mark.slow
def test_two_workers_end_where_one_process_does_though_each_is_killed_once(
    tmp_path, store_dir, alone
):
    run, addresses = tmp_path / "run", free_addresses()
    words = ["tests.tiny_model", *_words(store_dir, run, strategy="multi-worker")]
    logs = [tmp_path / f"{index}.log" for index in range(2)]
    again = [tmp_path / f"{index}-again.log" for index in range(2)]
    workers = [start_worker(words, addresses, i, log) for i, log in enumerate(logs)]
    with ending(workers):
        for victim in range(2):
            done = completed(run)
            until(lambda done=done: completed(run) > done, *workers)
            workers[victim].kill()
            assert workers[victim].wait() == -signal.SIGKILL
            # Worker 0 has to be told that the run has begun; another one sees it.
            more = [*words, "--resume"] if victim == 0 else words
            workers[victim] = start_worker(more, addresses, victim, again[victim])
        assert [each.wait(DEADLINE_S) for each in workers] == [0, 0], [
            log.read_text() for log in again
        ]

    # Each has seen the other one's end once: 1 in its first life, 0 in its second.
    for survivor in (logs[1], again[0]):
        said = survivor.read_text()
        assert said.count("Another worker has ended (") == 1
        assert said.count("waits for the others") == 2
    assert "Best of" in again[0].read_text()
    assert "Best of" not in again[1].read_text(), "who alone validates"

    for found, expected in zip(_checkpoint(run), _checkpoint(alone), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    histories = [
        np.loadtxt(each / "history.csv", delimiter=",", skiprows=1)
        for each in (run, alone)
    ]
    np.testing.assert_allclose(*histories, rtol=0, atol=1e-5)
    assert keras.models.load_model(run / "best.keras", compile=False)
    rois = np.random.default_rng(0).integers(0, 256, (3, 50, 40, 1), "uint8")
    served = [tf.saved_model.load(each / "saved_model") for each in (run, alone)]
    np.testing.assert_allclose(*(model.serve(rois) for model in served), atol=1e-5)
    assert not [path for path in run.rglob(".*") if "partial" in path.name]


def test_workers_with_other_settings_are_refused_on_both_sides(tmp_path, store_dir):
    addresses = free_addresses()
    logs = [tmp_path / f"{index}.log" for index in range(2)]
    workers = []
    for index, log in enumerate(logs):
        changes = {"strategy": "multi-worker", "seed": index}
        words = _words(store_dir, tmp_path / "run", **changes)
        workers.append(
            start_worker(["tests.tiny_model", *words], addresses, index, log)
        )
    with ending(workers):
        assert [each.wait(DEADLINE_S) for each in workers] == [2, 2]
    for log in logs:
        lines = [line for line in log.read_text().splitlines() if "error:" in line]
        assert lines == [
            "error: The 2 workers differ in version or settings. Start all of them "
            "with the same command, data and version of keras_wa."
        ]
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_ends_a_worker_that_waits_for_the_others(tmp_path, store_dir):
    words = _words(store_dir, tmp_path / "run", strategy="multi-worker")
    log = tmp_path / "1.log"
    worker = start_worker(["tests.tiny_model", *words], free_addresses(), 1, log)
    with ending([worker]):
        until(lambda: "waits for the others" in log.read_text(), worker)
        time.sleep(1)
        worker.send_signal(signal.SIGINT)
        assert worker.wait(DEADLINE_S) in (-signal.SIGINT, 130)
    assert not (tmp_path / "run").exists()


def test_what_workers_need_is_said_before_anything_is_read(
    tmp_path, error_of, monkeypatch
):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    words = ["train", "--strategy", "multi-worker", "--dataset", "phantom"]
    assert "TF_CONFIG" in error_of([*words, "--run-dir", tmp_path / "run"])
    config = '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}'
    monkeypatch.setenv("TF_CONFIG", config)
    assert "--run-dir" in error_of(words)
    assert not (tmp_path / "run").exists()
