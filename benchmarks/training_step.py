"""Compares training steps of WA-ResNet-50 and ResNet-50 with the same in PyTorch.

    python -m benchmarks.training_step

Batch of 16, images of 224x224, Adam, float32. The PyTorch networks have the same layers
in the same order (`benchmarks.torch_models`), with ptwt in front, and PyTorch's fused
Adam, in both memory layouts.
"""

from __future__ import annotations

import time
from typing import Any

from benchmarks.compare import Times, compare, print_table, timed

MODELS = ("wa_resnet50", "resnet50")
_STEPS = {"wa_resnet50": 10, "resnet50": 5}


def keras_wa() -> Times:
    from keras_wa.cli.starting import start_keras

    start_keras()
    import numpy as np

    from keras_wa.data.pipeline.plan import TrainingPlan
    from keras_wa.data.pipeline.rois import Rois

    times: Times = {}
    for name in MODELS:
        steps = _STEPS[name]
        images = np.random.default_rng(0).integers(0, 256, (64, 224, 224), "uint8")
        rois = Rois(
            lambda positions, images=images: images[positions % 64],
            np.arange(16 * steps) % 2,
        )
        plan = TrainingPlan(lambda epoch, rois=rois: rois, 16 * steps, 224, 16)
        found = step_times(name, plan, steps)
        times[f"{name}, a step"] = found[1:]
        times[f"{name}, to the end of the first step"] = found[:1]
    return times


def step_times(name: str, plan: Any, steps: int, **options: Any) -> list[float]:
    """Returns the milliseconds of the first steps of a training, as `train` runs it."""
    from keras_wa.data.pipeline.batches import training_batches
    from keras_wa.training.building import build_model, compile_model
    from keras_wa.training.config import TrainConfig
    from keras_wa.training.defaults import settled

    config = settled(
        TrainConfig(model=name, model_options=options, epochs=1, weights="none")
    )
    model = build_model(config)
    compile_model(model, config, plan)
    clock = _clock()
    model.fit(
        training_batches(plan, 0, 1),
        steps_per_epoch=steps,
        shuffle=False,
        verbose=0,
        callbacks=[clock],
    )
    return clock.times


def _clock() -> Any:
    import keras

    class Clock(keras.callbacks.Callback):
        """Milliseconds from the end of one step to the end of the next."""

        def __init__(self) -> None:
            super().__init__()
            self.times: list[float] = []

        def on_train_begin(self, logs: Any = None) -> None:
            self.last = time.perf_counter()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            now = time.perf_counter()
            self.times.append(1e3 * (now - self.last))
            self.last = now

    return Clock()


def pytorch(channels_last: bool = False) -> Times:
    import torch

    from benchmarks.torch_models import ResNet50

    layout = torch.channels_last if channels_last else torch.contiguous_format
    images = torch.rand(16, 1, 224, 224).to(memory_format=layout)
    labels = torch.arange(16) % 2
    times: Times = {}
    for name in MODELS:
        model = ResNet50(wavelet=name == "wa_resnet50").train().to(memory_format=layout)
        optimizer = torch.optim.Adam(model.parameters(), 1e-4, fused=True)

        def step(model: Any = model, optimizer: Any = optimizer) -> None:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()

        first = timed(step, 1, warm_up=0)
        times[f"{name}, a step"] = timed(step, _STEPS[name] - 1, warm_up=0)
        times[f"{name}, to the end of the first step"] = first
    return times


WORKERS = {
    "keras_wa": keras_wa,
    "PyTorch": pytorch,
    "PyTorch, channels last": lambda: pytorch(channels_last=True),
}

if __name__ == "__main__":
    found = compare("benchmarks.training_step", WORKERS, rounds=2)
    if found is not None:
        print_table("Training step, batch of 16, 224x224", found, "keras_wa")
