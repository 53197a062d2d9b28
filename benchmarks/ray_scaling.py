"""`prepare --ray` and `compare --ray` on one and on two nodes of one CPU each.

    keras-wa phantom TREE --layout tcia
    python -m benchmarks.ray_scaling TREE
    python -m benchmarks.ray_scaling --compare
    python -m benchmarks.ray_scaling --idle

The nodes are Ray nodes on this machine, each bound to a core: the first, with the
command itself, to core 0, the second to core 1. The clusters take turns, since the
machine may have other work. Rates of `prepare` are from the first block of ROIs to the
end of the store; what comes before, starting Ray and its workers, is printed by itself.
`compare` is timed as a whole. `--idle` prints what the processes of an idle node take.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
from ray.cluster_utils import Cluster

from keras_wa.cluster.session import connected
from keras_wa.cluster.tasks import READING, run_tasks
from keras_wa.data import Dataset, load_cases
from keras_wa.data.pipeline import prepare

_BLOCK = 16
_COMPARE = shlex.split(
    "--dataset phantom --rois 600 --image-size 64 --field-mm 7.3 --conspicuity 4 "
    "--weights none --batch-size 32 --epochs 2 --learning-rate 1e-3 --seeds 2 "
    "--models resnet50,se_resnet50,dwt_resnet50,wa_resnet50 --resamples 200"
)


def bind(core: int) -> None:
    """Binds all threads of this process, and those to come, to a core."""
    for thread in os.listdir("/proc/self/task"):
        os.sched_setaffinity(int(thread), {core})


@contextlib.contextmanager
def nodes(count: int) -> Iterator[str]:
    """Starts a cluster of nodes with one CPU each, and yields its address."""
    options = {
        "num_cpus": 1,
        "include_dashboard": False,
        "include_log_monitor": False,  # It takes 0.8 % of a core.
        # A node of one CPU has no second one for the threads of OpenCV.
        "env_vars": {"OPENCV_FOR_THREADS_NUM": "1"},
    }
    bind(0)
    cluster = Cluster(initialize_head=True, head_node_args=options)
    try:
        for core in range(1, count):
            bind(core)
            cluster.add_node(**options)
            bind(0)
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


def compared(address: str | None) -> float:
    """Trains and compares four systems; returns the seconds of the command."""
    with tempfile.TemporaryDirectory() as out:
        ray = ["--ray", address] if address else []
        places = ["--out", f"{out}/out", "--store-dir", f"{out}/store"]
        command = ["-c", "import sys; from keras_wa.cli import main; sys.exit(main())"]
        begin = time.perf_counter()
        subprocess.run(
            [sys.executable, *command, "compare", *_COMPARE, *places, *ray],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return time.perf_counter() - begin


def print_shares(rates: dict[int, list[float]]) -> None:
    """Prints what a node, and a second one, are worth."""
    for name, a, b in (("Two nodes by one", 2, 1), ("One node by no Ray", 1, 0)):
        shares = ", ".join(
            f"{x / y:.2f}" for x, y in zip(rates[a], rates[b], strict=True)
        )
        best = max(rates[a]) / max(rates[b])
        print(f"{name}: {shares}; best by best {best:.2f}")


def comparing(rounds: int) -> None:
    """Prints the seconds of a comparison of four systems with two seeds each."""
    rates: dict[int, list[float]] = {0: [], 1: [], 2: []}
    for _ in range(rounds):
        for size in rates:
            bind(0)
            if size:
                with nodes(size) as address:
                    took = compared(address)
            else:
                took = compared(None)
            rates[size].append(1 / took)
            name = f"{size} nodes" if size else "no Ray"
            print(f"{name}: {took:.1f} s; load {os.getloadavg()[0]:.1f}", flush=True)
    print_shares(rates)


def preparing(dataset: Dataset, rounds: int) -> None:
    """Prints seconds and rates of `prepare`."""
    count = len(dataset.cases)
    distribute = functools.partial(run_tasks, resources=READING, block=_BLOCK)
    rates: dict[int, list[float]] = {0: [], 1: [], 2: []}
    print(f"{count} ROIs; load of the machine {os.getloadavg()[0]:.1f}")
    for _ in range(rounds):
        for size in rates:
            bind(0)
            if not size:
                first, took = timed(dataset)
                connecting, used = 0.0, 0.0
            else:
                with nodes(size) as address:
                    begin = time.perf_counter()
                    with connected(address):
                        connecting = time.perf_counter() - begin
                        used = -time.process_time()
                        first, took = timed(dataset, distribute)
                        used += time.process_time()
            rate = (count - _BLOCK) / (took - first)
            rates[size].append(rate)
            name = f"{size} nodes" if size else "no Ray"
            print(
                f"{name}: {took:.1f} s, {rate:.1f} ROIs/s; connecting "
                f"{connecting:.1f} s, first block after {first:.1f} s; "
                f"{1000 * used / count:.1f} ms of the command's own an ROI; "
                f"load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
    print_shares(rates)
    begin = time.perf_counter()
    with connected(None):
        started = time.perf_counter() - begin
    print(f"Ray on this machine starts in {started:.1f} s")


def used() -> dict[str, float]:
    """Returns the CPU seconds of the processes that are bound to core 0."""
    found: dict[str, float] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if os.sched_getaffinity(int(stat.parent.name)) == {0}:
                times = stat.read_text().rpartition(")")[2].split()[11:13]
                words = (stat.parent / "cmdline").read_text().split("\0")
                name = " ".join(Path(word).name for word in words)[:40]
                seconds = sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
                found[name] = found.get(name, 0.0) + seconds
    return found


def idle(seconds: int = 60) -> None:
    """Prints the share of a core that each process of an idle node takes."""
    bind(0)
    with nodes(1) as address, connected(address):
        time.sleep(15)  # Until all have started.
        before = used()
        time.sleep(seconds)
        shares = {
            k: (v - before[k]) / seconds for k, v in used().items() if k in before
        }
    for name, share in sorted(shares.items(), key=lambda each: -each[1]):
        print(f"{share:.2%} {name}")
    print(f"{sum(shares.values()):.2%} of a core in all")


def main() -> None:
    """Prints seconds and rates."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ray_scaling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("tree", nargs="?")
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--idle", action="store_true")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    if args.idle:
        idle()
    elif args.compare:
        comparing(args.rounds)
    else:
        cv2.setNumThreads(1)
        dataset = load_cases("cbis-ddsm", data_dir=args.tree, limit=args.limit)
        preparing(dataset, args.rounds)


if __name__ == "__main__":
    main()
