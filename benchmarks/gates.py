"""Measures the cost of the squeeze-and-excitation gates in a training step.

    python -m benchmarks.gates

Batch of 16, images of 224x224: WA-ResNet-50 with its 16 gates and without.
"""

from __future__ import annotations

import numpy as np

from benchmarks.compare import Times, compare, print_table
from benchmarks.training_step import step_times

_STEPS = 12


def _steps(se_position: str) -> Times:
    from keras_wa.cli.starting import start_keras

    start_keras()
    from keras_wa.data.pipeline.plan import TrainingPlan
    from keras_wa.data.pipeline.rois import Rois

    images = np.random.default_rng(0).integers(0, 256, (64, 224, 224), "uint8")
    n = 16 * _STEPS
    rois = Rois(lambda positions: images[positions % 64], np.arange(n) % 2)
    plan = TrainingPlan(lambda epoch: rois, n, 224, 16)
    times = step_times("wa_resnet50", plan, _STEPS, se_position=se_position)
    return {"a step": times[1:]}


WORKERS = {
    "with gates": lambda: _steps("after_block"),
    "without": lambda: _steps("none"),
}

if __name__ == "__main__":
    found = compare("benchmarks.gates", WORKERS, rounds=4)
    if found is not None:
        print_table("Squeeze-and-excitation in a training step", found, "with gates")
