"""Measures how long a training step waits for its batch, from a TensorBoard profile.

    python -m benchmarks.waiting

Ten steps of WA-ResNet-50, batch of 16, 224x224, augmented, from a memory-mapped file,
with TensorFlow's profiler on. What counts is `IteratorGetNext`, the operation in
which the step takes its batch. `--logdir DIR` keeps the profile for TensorBoard.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.training_step import step_times

_STEPS = 10
_EVENT = "IteratorGetNextOp::DoCompute"


def waits(logdir: Path) -> list[float]:
    """Returns the milliseconds of each `IteratorGetNext` in a profile."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    path = max(logdir.rglob("*.xplane.pb"))  # The latest: names begin with the time.
    space = xplane_pb2.XSpace.FromString(path.read_bytes())
    return [
        event.duration_ps / 1e9
        for plane in space.planes
        for line in plane.lines
        for event in line.events
        if plane.event_metadata[event.metadata_id].name == _EVENT
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--logdir", type=Path, help="keep the profile here")
    args = parser.parse_args()
    from keras_wa.cli.starting import start_keras

    start_keras()
    import tensorflow as tf

    from keras_wa.data.pipeline.augmentation import Augmentation
    from keras_wa.data.pipeline.npy_file import read_images
    from keras_wa.data.pipeline.plan import TrainingPlan
    from keras_wa.data.pipeline.rois import Rois

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "images.npy")
        n = 16 * _STEPS
        np.save(path, np.random.default_rng(0).integers(0, 256, (n, 224, 224), "uint8"))
        images = np.load(path, mmap_mode="r")
        rois = Rois(lambda rows: read_images(images, rows), np.arange(n) % 2)
        plan = TrainingPlan(lambda epoch: rois, n, 224, 16, augmentation=Augmentation())
        logdir = args.logdir or Path(folder, "profile")
        with tf.profiler.experimental.Profile(str(logdir)):
            times = step_times("wa_resnet50", plan, _STEPS)
        # Without the first, which has no prefetched batch yet.
        found = waits(logdir)[1:]
    print(
        f"{len(found)} steps of {statistics.median(times[1:]):.0f} ms: waiting for the "
        f"batch took {statistics.median(found):.3f} ms (median), {max(found):.3f} ms "
        "at most"
    )


if __name__ == "__main__":
    main()
