"""Measures the speed of batches from a prepared store, and its dependence on size.

    python -m benchmarks.input_pipeline

Batches of 16 ROIs of 224x224 from a memory-mapped file that was read once. The last
cases draw positions alone, of a set of a thousand and one of a million ROIs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.compare import Times, compare, print_table, timed

_ROIS = 1872


def keras_wa() -> Times:
    from keras_wa.cli.starting import start_keras

    start_keras()
    from keras_wa.data.pipeline.augmentation import NO_AUGMENTATION, Augmentation
    from keras_wa.data.pipeline.batches import evaluation_batches, training_batches
    from keras_wa.data.pipeline.npy_file import read_images
    from keras_wa.data.pipeline.plan import TrainingPlan
    from keras_wa.data.pipeline.rois import Rois

    times: Times = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        pixels = np.random.default_rng(0).integers(0, 256, (_ROIS, 224, 224), "uint8")
        np.save(path, pixels)
        images = np.load(path, mmap_mode="r")
        images.sum()
        labels = np.arange(_ROIS) % 2
        rois = Rois(lambda positions: read_images(images, positions), labels)
        for name, augmentation in (
            ("training batch", NO_AUGMENTATION),
            ("training batch, augmented", Augmentation()),
        ):
            plan = TrainingPlan(
                lambda epoch: rois, _ROIS, 224, 16, augmentation=augmentation
            )
            times[name] = _each(iter(training_batches(plan, 0, 2)), 200)
        batches = evaluation_batches(rois, 224, batch_size=16)
        times["evaluation batch"] = _each(iter(batches), 100)
    for n in (1_000, 1_000_000):
        nothing = Rois(
            lambda positions: np.zeros((len(positions), 8, 8), np.uint8),
            np.zeros(n, np.int64),
        )
        plan = TrainingPlan(
            lambda epoch, rois=nothing: rois, n, 8, 16, augmentation=Augmentation()
        )
        steps = iter(range(60))
        times[f"drawing a batch of {n:,} ROIs"] = timed(
            lambda plan=plan, steps=steps: plan.draw(next(steps)), 50
        )
    return times


def _each(batches: Iterator[object], count: int) -> list[float]:
    return timed(lambda: next(batches), count, warm_up=10)


if __name__ == "__main__":
    found = compare("benchmarks.input_pipeline", {"keras_wa": keras_wa})
    if found is not None:
        print_table("Input pipeline, a batch of 16", found, "keras_wa")
