"""Measures the time to exchange numbers between two worker processes of one machine.

    python -m benchmarks.exchange

The mean over both of as many float32 as WA-ResNet-50 has weights (what a step exchanges
at its end), and of 64 (what a layer of batch normalisation does, twice a step).
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys

from benchmarks.compare import timed

SIZES = {"26 million numbers": 26_125_946, "64 numbers": 64}


def worker() -> None:
    """Times the exchanges in one of the two processes."""
    from keras_wa.training.cluster import Cluster

    workers = Cluster.from_environment().join()
    import tensorflow as tf

    for name, size in SIZES.items():
        numbers = tf.random.uniform((size,))
        mean = tf.function(workers.mean)
        times = timed(lambda f=mean, x=numbers: f(x)[0].numpy(), 20)
        if workers.is_chief:
            print(f"{name}: {statistics.median(times):.1f} ms")
    workers.require_same({"the end": 1})


def main() -> None:
    if "TF_CONFIG" in os.environ:
        worker()
        return
    with socket.socket() as first, socket.socket() as second:
        for each in (first, second):
            each.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in (first, second)]
    processes = []
    for index in range(2):
        task = {"type": "worker", "index": index}
        record = {"cluster": {"worker": addresses}, "task": task}
        environment = {
            **os.environ,
            "TF_CONFIG": json.dumps(record),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        command = [sys.executable, "-m", "benchmarks.exchange"]
        processes.append(subprocess.Popen(command, env=environment))
    sys.exit(max(abs(process.wait()) for process in processes))


if __name__ == "__main__":
    main()
