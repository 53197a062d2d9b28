"""Measures the exchange of numbers between two processes of JAX on one machine.

    python -m benchmarks.exchange

The mean over both of as many float32 as WA-ResNet-50 has weights (the gradients of a
step), and of 64 (what a layer of batch normalisation exchanges), on the CPU.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys

from benchmarks.compare import timed

SIZES = {"26 million numbers": 26_019_698, "64 numbers": 64}


def worker(address: str, index: int) -> None:
    """Times the exchanges in one of the two processes."""
    import jax
    import keras
    import numpy as np
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    keras.distribution.initialize(address, 2, index)
    mesh = Mesh(np.array(jax.devices()), "batch")
    whole = NamedSharding(mesh, PartitionSpec())
    parts = NamedSharding(mesh, PartitionSpec("batch"))
    mean = jax.jit(lambda x: x.mean(0), out_shardings=whole)
    for name, size in SIZES.items():
        own = np.random.default_rng(index).random((1, size), "float32")
        both = jax.make_array_from_process_local_data(parts, own)
        times = timed(lambda x=both: mean(x).block_until_ready(), 20)
        if index == 0:
            print(f"{name}: {statistics.median(times):.1f} ms")


def main() -> None:
    if len(sys.argv) > 1:
        worker(sys.argv[1], int(sys.argv[2]))
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    own = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-m", "benchmarks.exchange", address]
    processes = [
        subprocess.Popen([*command, str(index)], env={**os.environ, **own})
        for index in range(2)
    ]
    sys.exit(max(abs(process.wait()) for process in processes))


if __name__ == "__main__":
    main()
