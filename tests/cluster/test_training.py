"""Two workers on two nodes train as one process does, though both kinds die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ray")

from ray.cluster_utils import Cluster

from tests.cluster.conftest import workers_of
from tests.processes import ROOT, Process, ending, python
from tests.tiny_model import completed, flags
from tests.waiting import DEADLINE_S, until

# A cluster of Ray leaves a socket to the garbage collector, which warns in some test.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
)

ON_JAX = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}


@pytest.fixture(scope="module")
def store_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the phantom of all runs is prepared once."""
    return tmp_path_factory.mktemp("stores")


def start(log: Path, *words: str | Path) -> Process:
    """Starts a training on JAX of a user; what it prints goes to a file."""
    with log.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.tiny_model", "train", *map(str, words)],
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, **ON_JAX},
        )


def assert_same_end(run: Path, alone: Path, epochs: int) -> None:
    """Two runs have the same checkpoint, up to rounding, and worker 0's files."""
    paths = [each / "checkpoints" / f"epoch-{epochs:05d}" for each in (run, alone)]
    with (
        np.load(paths[0] / "variables.npz") as found,
        np.load(paths[1] / "variables.npz") as wanted,
    ):
        assert found.files == wanted.files
        for each in wanted.files:
            np.testing.assert_allclose(found[each], wanted[each], rtol=0, atol=1e-5)
    histories = [
        np.loadtxt(each / "history.csv", delimiter=",", skiprows=1)
        for each in (run, alone)
    ]
    np.testing.assert_allclose(*histories, rtol=0, atol=1e-5)
    names = [sorted(path.name for path in each.iterdir()) for each in (run, alone)]
    assert names[0] == names[1]
    assert "2 processes" in (run / "environment.json").read_text()


@pytest.mark.slow
def test_two_workers_end_where_one_process_does(
    tmp_path: Path, store_dir: Path, cluster: Cluster
) -> None:
    alone, run = tmp_path / "alone", tmp_path / "run"
    words = flags(store_dir=store_dir, epochs=4, ema=0.8)  # Of six steps.
    log = tmp_path / "log"
    reference = start(tmp_path / "alone.log", *words, "--run-dir", alone)
    words += ["--ray", cluster.address, "--ray-workers", "2"]
    training = start(log, *words, "--run-dir", run)
    with ending([reference, training]):
        assert reference.wait(DEADLINE_S) == 0, (tmp_path / "alone.log").read_text()
        assert training.wait(DEADLINE_S) == 0, log.read_text()
    assert_same_end(run, alone, 4)
    said = log.read_text()
    assert "epoch 4, accuracy" in said
    assert "Best of 4 epochs" in said


@pytest.mark.slow
def test_a_worker_and_a_node_die_and_the_end_is_the_same(
    tmp_path: Path, store_dir: Path, cluster: Cluster
) -> None:
    alone, run = tmp_path / "alone", tmp_path / "run"
    epochs = 40
    # Without momentum of Adam: rounding must not grow over a thousand steps.
    words = flags(store_dir=store_dir, epochs=epochs, batch_size=4, optimizer="sgd")
    log = tmp_path / "log"
    reference = start(tmp_path / "alone.log", *words, "--run-dir", alone)
    with ending([reference]):
        assert reference.wait(DEADLINE_S) == 0, (tmp_path / "alone.log").read_text()
    words += ["--ray", cluster.address, "--ray-workers", "2"]
    training = start(log, *words, "--run-dir", run)
    with ending([training]):
        until(lambda: completed(run) >= 2, training)
        first = workers_of(cluster.list_all_nodes(), b"RayTrainWorker")
        assert len(first) == 2
        os.kill(first[0], signal.SIGKILL)
        until(
            lambda: (
                len(
                    set(workers_of(cluster.list_all_nodes(), b"RayTrainWorker"))
                    - set(first)
                )
                == 2
            ),
            training,
        )
        done = completed(run)
        until(lambda: completed(run) >= done + 2, training)
        (node,) = cluster.worker_nodes
        cluster.remove_node(node, allow_graceful=False)
        done = completed(run)
        assert done < epochs
        cluster.add_node(num_cpus=1, env_vars=node._ray_params.env_vars)
        assert training.wait(DEADLINE_S) == 0, log.read_text()
    assert_same_end(run, alone, epochs)


def test_what_workers_need_is_said_before_anything_is_read(
    tmp_path: Path,
) -> None:
    script = (
        "import sys; from keras_wa.cli import main\n"
        "for words in sys.argv[1:]: assert main(['train', *words.split()]) == 2"
    )
    cases = {
        "--ray --run-dir run": "Received: no --ray-workers.",
        "--ray-workers 2 --run-dir run": "Received: no --ray.",
        "--ray --ray-workers 2": "Received: no --run-dir.",
        "--ray localhost:1 --ray-workers 2 --run-dir run": "HOST:PORT of a Ray",
    }
    done = python("-c", script, *cases, cwd=tmp_path, **ON_JAX)
    for line, expected in zip(done.stderr.splitlines(), cases.values(), strict=True):
        assert expected in line
    words = "--ray localhost:1 --ray-workers 2 --run-dir run"
    on_tensorflow = {**ON_JAX, "KERAS_BACKEND": "tensorflow"}
    done = python("-c", script, words, cwd=tmp_path, **on_tensorflow)
    assert "expected KERAS_BACKEND=jax" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_training_that_diverges_is_not_restarted(
    tmp_path: Path, store_dir: Path, cluster: Cluster
) -> None:
    words = flags(store_dir=store_dir, run_dir=tmp_path / "run", learning_rate=1e38)
    words += ["--ray", cluster.address, "--ray-workers", "2"]
    log = tmp_path / "log"
    assert start(log, *words).wait(DEADLINE_S) == 2
    assert "the training has diverged" in log.read_text().splitlines()[-1]


def test_a_cluster_that_is_too_small_is_named(
    tmp_path: Path, store_dir: Path, cluster: Cluster
) -> None:
    words = flags(store_dir=store_dir, run_dir=tmp_path / "run", batch_size=3)
    words += ["--ray", cluster.address, "--ray-workers", "3"]
    log = tmp_path / "log"
    assert start(log, *words).wait(DEADLINE_S) == 2
    said = log.read_text().splitlines()[-1]
    assert not (tmp_path / "run").exists()
    assert said.startswith(
        "error: --ray-workers 3 need a CPU each. Received: a cluster of 2"
    )
