"""Processes of this machine, some of which find each other by TF_CONFIG."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.tiny_model import ROOT

Process = subprocess.Popen[bytes]


def free_addresses(count: int = 2) -> list[str]:
    """Addresses on the loopback that nobody listens at."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    finally:
        for each in sockets:
            each.close()


def start_worker(
    words: Sequence[str | Path], addresses: list[str], index: int, log: Path
) -> Process:
    """Starts `python -m words` as one of the workers; what it prints goes to a file."""
    task = {"type": "worker", "index": index}
    record = {"cluster": {"worker": addresses}, "task": task}
    with log.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", *map(str, words)],
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={
                **os.environ,
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "TF_CONFIG": json.dumps(record),
            },
        )


@contextlib.contextmanager
def ending(processes: list[Process]) -> Iterator[None]:
    """Kills what still runs after a test; a worker waits for others for ever."""
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
