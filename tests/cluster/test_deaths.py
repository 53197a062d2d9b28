"""A comparison and a search whose workers or nodes die have the numbers of others."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ray.cluster_utils import Cluster

from keras_wa.cli import main
from keras_wa.evaluate.tune.search import ended_trials
from keras_wa.settings import read_toml
from keras_wa.training.config import TrainConfig
from keras_wa.training.data import load_data
from keras_wa.training.fit import train
from keras_wa.training.run import Run
from tests.cli.test_tune import study_of
from tests.cli.test_tune import words as search_words
from tests.cluster.conftest import predictions_of, workers_of
from tests.tiny_model import flags, float32, store_dir, tiny_model

__all__ = ["float32", "store_dir", "tiny_model"]

pytestmark = pytest.mark.slow

_EPOCHS = 6


@contextlib.contextmanager
def killing(out: Path, kill: Callable[[], bool]) -> Iterator[None]:
    """Kills something when a run of a command has ended two epochs.

    Args:
        out: folder of the command's results.
        kill: function that kills, and returns whether something was there to be killed.
    """
    killed, over = [], threading.Event()

    def wait() -> None:
        while not over.wait(0.01):
            if any(out.rglob("checkpoints/epoch-00002")) and kill():
                killed.append(True)
                return

    thread = threading.Thread(target=wait)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert killed


def kill_workers(cluster: Cluster) -> bool:
    """Kills the processes of all tasks."""
    found = workers_of(cluster.list_all_nodes(), b"ray::_run")
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    return bool(found)


def kill_node(cluster: Cluster, node: Any) -> bool:
    """Removes a node while a task runs on it."""
    if not workers_of([node], b"ray::_run"):
        return False
    cluster.remove_node(node, allow_graceful=False)
    return True


@pytest.fixture
def third(cluster: Cluster) -> Iterator[Any]:
    """A node that a test may remove."""
    env = cluster.head_node._ray_params.env_vars
    node = cluster.add_node(num_cpus=1, include_dashboard=False, env_vars=env)
    yield node
    if node in cluster.worker_nodes:
        cluster.remove_node(node)


def comparing(out: Path, store_dir: Path, *ray: str) -> list[str]:
    settings = {"model": None, "epochs": _EPOCHS, "store_dir": store_dir}
    own = flags(**settings, resamples=20, seeds=2, models="tiny,tiny:dropout=0.5")
    return ["compare", *own, "--out", str(out), *ray]


@pytest.fixture(scope="module")
def alone(
    store_dir: Path, tiny_model: None, tmp_path_factory: pytest.TempPathFactory
) -> pd.DataFrame:
    """The predictions of a comparison in one process."""
    out = tmp_path_factory.mktemp("alone")
    assert main(comparing(out, store_dir)) == 0
    return predictions_of(out)


def test_a_comparison_whose_workers_are_killed_has_the_same_numbers(
    cluster: Cluster, alone: pd.DataFrame, store_dir: Path, tmp_path: Path
) -> None:
    with killing(tmp_path, lambda: kill_workers(cluster)):
        assert main(comparing(tmp_path, store_dir, "--ray", cluster.address)) == 0
    pd.testing.assert_frame_equal(predictions_of(tmp_path), alone)


def test_a_comparison_whose_node_dies_has_the_same_numbers(
    cluster: Cluster, third: Any, alone: pd.DataFrame, store_dir: Path, tmp_path: Path
) -> None:
    with killing(tmp_path, lambda: kill_node(cluster, third)):
        assert main(comparing(tmp_path, store_dir, "--ray", cluster.address)) == 0
    pd.testing.assert_frame_equal(predictions_of(tmp_path), alone)


def test_a_search_whose_workers_are_killed_has_all_its_trials(
    cluster: Cluster, store_dir: Path, tiny_model: None, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = search_words(out, store_dir, trials=3, epochs=_EPOCHS)
    with killing(out, lambda: kill_workers(cluster)):
        assert main([*words, "--ray", cluster.address]) == 0
    study = study_of(out)
    assert len(ended_trials(study)) == 3
    config = TrainConfig.from_mapping(read_toml(out / "best.toml"), "best.toml")
    run = Run.create(tmp_path / "run", config)
    outcome = train(run, load_data(config, progress=False), verbose=0)
    assert outcome.best_auc == study.best_value
