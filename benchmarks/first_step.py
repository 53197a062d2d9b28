"""Measures the time from the start of the first epoch to the end of the first steps.

    python benchmarks/first_step.py --image-size 224 --batch-size 16

Tracing, graph optimisation and the first step itself lie in the first number, the step
alone in the later ones.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import keras
import numpy as np

from keras_wa.cli.starting import start_keras


class Clock(keras.callbacks.Callback):
    """Prints the time at which each step ended."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        print(f"step {batch + 1}: {time.perf_counter() - self.start:.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="wa_resnet50")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=4)
    args = parser.parse_args()
    start_keras()
    from keras_wa.data.pipeline.batches import training_batches
    from keras_wa.data.pipeline.plan import TrainingPlan
    from keras_wa.data.pipeline.rois import Rois
    from keras_wa.training.building import build_model, compile_model
    from keras_wa.training.config import TrainConfig
    from keras_wa.training.defaults import settled

    n, size = args.batch_size * args.steps, args.image_size
    images = np.random.default_rng(0).integers(0, 256, (n, size, size), "uint8")
    rois = Rois(lambda positions: images[positions], np.arange(n) % 2)
    config = settled(
        TrainConfig(
            model=args.model,
            image_size=size,
            batch_size=args.batch_size,
            epochs=1,
            weights="none",
        )
    )
    plan = TrainingPlan(lambda epoch: rois, n, size, args.batch_size)
    model = build_model(config)
    compile_model(model, config, plan)
    batches = training_batches(plan, 0, 1)
    model.fit(
        batches,
        steps_per_epoch=args.steps,
        callbacks=[Clock()],
        shuffle=False,
        verbose=0,
    )


if __name__ == "__main__":
    main()
