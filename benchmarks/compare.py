"""Times the same work in several libraries, each in its own process.

A benchmark module names its workers: functions that time cases and give milliseconds by
case. `compare` runs each worker in a fresh process, in turns, so that what else the
machine does falls on all of them, and memory and threads are their own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

Times = dict[str, list[float]]
"""Case -> milliseconds of each repetition."""


def timed(work: Callable[[], object], repeats: int, warm_up: int = 3) -> list[float]:
    """Returns the milliseconds of each call of `work`, after some warm-up calls."""
    for _ in range(warm_up):
        work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - start))
    return times


def timed_in_turns(
    works: Mapping[str, Callable[[], object]], repeats: int, warm_up: int = 3
) -> Times:
    """Like `timed`, for several functions in turns."""
    for work in works.values():
        timed(work, 0, warm_up)
    times: Times = {}
    for _ in range(repeats):
        for name, work in works.items():
            times.setdefault(name, []).extend(timed(work, 1, warm_up=0))
    return times


def compare(
    module: str, workers: Mapping[str, Callable[[], Times]], rounds: int = 3
) -> dict[str, Times] | None:
    """Runs the workers in turns; in a worker's own process, that worker.

    Args:
        module: the benchmark, as in `python -m`.
        workers: workers by name. Those whose library is not installed are skipped.
        rounds: number of runs of each.

    Returns:
        Worker -> case -> milliseconds of all rounds, and under `memory_mb` the peak
        memory of its process; None in a worker's process.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--only", metavar="WORKER", choices=workers)
    parser.add_argument("--worker", choices=workers, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        times = workers[args.worker]()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({**times, "memory_mb": [peak]}))
        return None
    found: dict[str, Times] = {}
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    for _ in range(args.rounds):
        for name in [args.only] if args.only else workers:
            command = [sys.executable, "-m", module, "--worker", name]
            ran = subprocess.run(
                command, capture_output=True, text=True, env=environment
            )
            if ran.returncode:
                reason = ran.stderr.strip().splitlines()[-1:]
                print(f"{name}: not run ({' '.join(reason)})", file=sys.stderr)
                continue
            cases = json.loads(ran.stdout.splitlines()[-1])
            for case, times in cases.items():
                found.setdefault(name, {}).setdefault(case, []).extend(times)
    return found


def print_table(
    title: str, found: Mapping[str, Times], ours: str, unit: str = "ms"
) -> None:
    """Prints a Markdown table: a row per case, medians, and ratios to each peer."""
    peers = [name for name in found if name != ours]
    print(f"\n### {title}\n")
    print(f"| | {ours} | " + " | ".join(f"{peer} | ours / it" for peer in peers) + " |")
    print("| --- " * (2 + 2 * len(peers)) + "|")
    for case in found.get(ours, {}):
        mine = statistics.median(found[ours][case])
        cells = [f"{mine:.3g}"]
        for peer in peers:
            if case in found[peer]:
                theirs = statistics.median(found[peer][case])
                cells += [f"{theirs:.3g}", f"{mine / theirs:.2f}"]
            else:
                cells += ["", ""]
        label = f"{case}, {unit}"
        if case == "memory_mb":
            label = "peak memory of the process, MB"
        print(f"| {label} | " + " | ".join(cells) + " |")
