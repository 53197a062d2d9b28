"""`keras-wa prepare --ray` on one and on two nodes of one CPU each.

    keras-wa phantom TREE --layout tcia
    python -m benchmarks.ray_scaling TREE

Each node is a Ray node on this machine with one CPU. The clusters take turns, since the
machine may have other work. Rates are from the first block of ROIs to the end of the
store; what comes before, starting Ray and its workers, is printed by itself.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
from ray.cluster_utils import Cluster

from keras_wa.cluster.session import connected
from keras_wa.cluster.tasks import READING, run_tasks
from keras_wa.data import Dataset, load_cases
from keras_wa.data.pipeline import prepare

_BLOCK = 16


@contextlib.contextmanager
def nodes(count: int) -> Iterator[str]:
    """Starts a cluster of nodes with one CPU each, and yields its address."""
    options = {
        "num_cpus": 1,
        "include_dashboard": False,
        # A node of one CPU has no second one for the threads of OpenCV.
        "env_vars": {"OPENCV_FOR_THREADS_NUM": "1"},
    }
    cluster = Cluster(initialize_head=True, head_node_args=options)
    try:
        for _ in range(count - 1):
            cluster.add_node(**options)
        yield cluster.address
    finally:
        cluster.shutdown()


def timed(dataset: Dataset, distribute: Any = None) -> tuple[float, float]:
    """Prepares a dataset; returns the seconds until the first ROIs and to the end."""
    begin, first = time.perf_counter(), 0.0

    def noting(work: Any, rows: Sequence[int]) -> Iterator[Any]:
        nonlocal first
        for block in (distribute or one_process)(work, rows):
            first = first or time.perf_counter() - begin
            yield block

    with tempfile.TemporaryDirectory() as out:
        prepare(dataset, out, progress=False, distribute=noting)
    return first, time.perf_counter() - begin


def one_process(work: Any, rows: Sequence[int]) -> Iterator[Any]:
    """Reads blocks of rows one after the other in this process."""
    for start in range(0, len(rows), _BLOCK):
        block = list(rows[start : start + _BLOCK])
        yield block, work(block)


def main() -> None:
    """Prints seconds and rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tree")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    dataset = load_cases("cbis-ddsm", data_dir=args.tree, limit=args.limit)
    count = len(dataset.cases)
    distribute = functools.partial(run_tasks, resources=READING, block=_BLOCK)
    rates: dict[int, list[float]] = {0: [], 1: [], 2: []}
    print(f"{count} ROIs; load of the machine {os.getloadavg()[0]:.1f}")
    for _ in range(args.rounds):
        for size in rates:
            if not size:
                _, took = timed(dataset)
                first = connecting = 0.0
            else:
                with nodes(size) as address:
                    begin = time.perf_counter()
                    with connected(address):
                        connecting = time.perf_counter() - begin
                        first, took = timed(dataset, distribute)
            rate = (count - _BLOCK) / (took - first)
            rates[size].append(rate)
            name = f"{size} nodes" if size else "no Ray"
            print(
                f"{name}: {took:.1f} s, {rate:.1f} ROIs/s; connecting "
                f"{connecting:.1f} s, first block after {first:.1f} s; "
                f"load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
    begin = time.perf_counter()
    with connected(None):
        started = time.perf_counter() - begin
    for name, a, b in (("Two nodes by one", 2, 1), ("One node by no Ray", 1, 0)):
        shares = ", ".join(
            f"{x / y:.2f}" for x, y in zip(rates[a], rates[b], strict=True)
        )
        best = max(rates[a]) / max(rates[b])
        print(f"{name}: {shares}; best by best {best:.2f}")
    print(f"Ray on this machine starts in {started:.1f} s")


if __name__ == "__main__":
    main()
