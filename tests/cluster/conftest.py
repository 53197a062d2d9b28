"""A Ray cluster of two nodes with one CPU each, on this machine."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

pytest.importorskip("ray")

from ray.cluster_utils import Cluster

from keras_wa.cluster.session import connected
from tests.tiny_model import ROOT


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two nodes that know the tiny model; a test that adds one removes it."""
    site = tmp_path_factory.mktemp("site")
    (site / "tiny_plugin.py").write_text(
        "from keras_wa.models import register_model\n"
        "from tests.tiny_model import SOURCE, tiny\n"
        "register_model(source=SOURCE)(tiny)\n"
    )
    (site / "tiny_plugin-1.0.dist-info").mkdir()
    points = site / "tiny_plugin-1.0.dist-info" / "entry_points.txt"
    points.write_text("[keras_wa.models]\ntiny = tiny_plugin\n")
    common = {"num_cpus": 1, "include_dashboard": False}
    path = os.pathsep.join([str(site), str(ROOT)])
    env = [{"NODE": str(i), "PYTHONPATH": path} for i in range(2)]
    nodes = Cluster(True, head_node_args={**common, "env_vars": env[0]})
    nodes.add_node(**common, env_vars=env[1])
    yield nodes
    nodes.shutdown()


@pytest.fixture
def joined(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, and this process connected to it."""
    with connected(cluster.address):
        yield cluster


def workers_of(nodes: Iterable[Any], kind: bytes) -> list[int]:
    """The process ids of the nodes' workers whose command line has `kind`."""
    raylets = {node.all_processes["raylet"][0].process.pid for node in nodes}
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # It has ended.
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent in raylets and kind in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def predictions_of(out: Path) -> pd.DataFrame:
    """The predictions of the four runs of a comparison."""
    paths = sorted((out / "runs" / "official").glob("*/evaluation/test"))
    tables = [pd.read_csv(path / "predictions.csv", dtype=str) for path in paths]
    assert len(tables) == 4
    return pd.concat(tables, ignore_index=True)


class Work:
    """What tasks do in the tests; notes its calls in files of a folder.

    Args:
        folder: where each item leaves a file `<item>-<number of the call>`.
        seconds: what an item takes.
    """

    def __init__(self, folder: Path, seconds: float = 0.0) -> None:
        self.folder = folder
        self.seconds = seconds

    def __call__(self, items: list[int]) -> list[int]:
        """Squares the items."""
        return [self.square(item, self.note(item)) for item in items]

    def square(self, item: int, call: int) -> int:
        """Returns the square of an item, at its `call`-th call."""
        time.sleep(self.seconds)
        return item**2

    def note(self, item: int) -> int:
        """Notes a call and returns its number, from 1."""
        call = self.calls(item) + 1
        (self.folder / f"{item}-{call}").touch()
        return call

    def calls(self, item: int) -> int:
        """Returns how often an item was begun."""
        return len(list(self.folder.glob(f"{item}-*")))
