"""Measures training from a prepared store that is larger than memory.

    python -m benchmarks.large_store --gigabytes 40

Writes that many bytes of ROIs of 224x224 (random numbers, not a sparse file) to a
temporary folder, takes them out of the page cache, and draws training batches from them
in random order, then trains WA-ResNet-50. The same is done with a store of 1,872 ROIs.
"""

from __future__ import annotations

import argparse
import functools
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.compare import timed
from benchmarks.training_step import step_times
from keras_wa.progress import showing_progress, track

SIDE = 224
SMALL = 1872
_BLOCK = 4096


def write_store(path: Path, count: int) -> None:
    """Writes `count` ROIs; each begins with its number."""
    block = np.random.default_rng(0).integers(0, 256, (_BLOCK, SIDE, SIDE), "uint8")
    shape = (count, SIDE, SIDE)
    images: Any = np.lib.format.open_memmap(path, "w+", np.uint8, shape)
    for first in track(range(0, count, _BLOCK), f"writing {count:,} ROIs"):
        size = min(_BLOCK, count - first)
        images[first : first + size] = block[:size]
    images.flush()
    del images
    forget(path)


def forget(path: Path) -> None:
    """Removes a file from the page cache."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def own_memory() -> float:
    """Returns the memory of this process without pages of files, MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if "RssAnon" in line) / 1024


def measure(path: Path, count: int, steps: int) -> None:
    """Prints the time of batches and training steps from one store."""
    from keras_wa.data.pipeline.augmentation import Augmentation
    from keras_wa.data.pipeline.batches import training_batches
    from keras_wa.data.pipeline.npy_file import read_images
    from keras_wa.data.pipeline.plan import TrainingPlan
    from keras_wa.data.pipeline.rois import Rois

    forget(path)  # Before it is mapped, since pages in use stay.
    images = np.load(path, mmap_mode="r")
    rois = Rois(lambda positions: read_images(images, positions), np.arange(count) % 2)
    plan = TrainingPlan(
        lambda epoch: rois, count, SIDE, 16, augmentation=Augmentation()
    )
    batches = iter(training_batches(plan, 0, 1))
    draws = min(plan.steps_per_epoch - 20, 2000)
    before = own_memory()
    start = time.perf_counter()
    times = timed(functools.partial(next, batches), draws, warm_up=10)
    rate = 16 * (draws + 10) / (time.perf_counter() - start)
    grown = own_memory() - before
    del batches
    trained = statistics.median(step_times("wa_resnet50", plan, steps)[1:])
    print(
        f"{count:,} ROIs, {path.stat().st_size / 1e9:.1f} GB: {rate:,.0f} ROIs/s in "
        f"random order, augmented, not in the page cache (batch: median "
        f"{statistics.median(times):.1f} ms, slowest {max(times):.0f} ms), memory "
        f"+{grown:.0f} MB; a training step {trained:,.0f} ms, {own_memory():,.0f} MB"
    )


@showing_progress()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gigabytes", type=float, default=40.0)
    parser.add_argument("--steps", type=int, default=20, help="training steps")
    parser.add_argument("--dir", default=None, help="where the store is written")
    args = parser.parse_args()
    from keras_wa.cli.starting import start_keras

    start_keras()
    large = int(args.gigabytes * 1e9 / SIDE**2)
    with tempfile.TemporaryDirectory(dir=args.dir) as folder:
        for count in (SMALL, large, SMALL):
            path = Path(folder) / f"{count}.npy"
            if not path.exists():
                write_store(path, count)
            measure(path, count, args.steps)


if __name__ == "__main__":
    main()
