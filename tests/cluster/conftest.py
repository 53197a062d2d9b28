"""A Ray cluster of two nodes with one CPU each, on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray")

from ray.cluster_utils import Cluster

from keras_wa.cluster.session import connected


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    """Two nodes; a test that adds one removes it."""
    head = {"num_cpus": 1, "include_dashboard": False, "env_vars": {"NODE": "0"}}
    nodes = Cluster(initialize_head=True, head_node_args=head)
    nodes.add_node(num_cpus=1, env_vars={"NODE": "1"})
    yield nodes
    nodes.shutdown()


@pytest.fixture
def joined(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, and this process connected to it."""
    with connected(cluster.address):
        yield cluster


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
