"""Compares the peak memory of training with PyTorch's.

    python -m benchmarks.memory

Six training steps of each network in a process of its own; batch of 16, 224x224. The
libraries alone take some hundred megabytes before anything is trained, so both are
given: all of the process, and what it took above its state after the imports.
"""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Callable
from typing import Any

from benchmarks import training_step
from benchmarks.compare import Times, compare, print_table

_STEPS = 6


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _train(library: str, model: str, results: Any) -> None:
    training_step.MODELS = (model,)
    training_step._STEPS = {model: _STEPS}
    if library == "keras_wa":
        from keras_wa.cli.starting import start_keras

        start_keras()
        import keras_wa.training.fit  # noqa: F401
    else:
        import benchmarks.torch_models  # noqa: F401
    imported = _peak()
    if library == "keras_wa":
        training_step.keras_wa()
    else:
        training_step.pytorch(channels_last="last" in library)
    results.put((_peak(), _peak() - imported))


def _worker(library: str) -> Callable[[], Times]:
    def run() -> Times:
        memory: Times = {}
        spawn = multiprocessing.get_context("spawn")
        for model in ("wa_resnet50", "resnet50"):
            results = spawn.Queue()
            process = spawn.Process(target=_train, args=(library, model, results))
            process.start()
            process.join()
            if process.exitcode:
                raise RuntimeError(f"{library} did not run")
            whole, above = results.get()
            memory[f"{model}, the process"] = [whole]
            memory[f"{model}, above the imports"] = [above]
        return memory

    return run


LIBRARIES = ("keras_wa", "PyTorch", "PyTorch, channels last")
WORKERS = {library: _worker(library) for library in LIBRARIES}

if __name__ == "__main__":
    found = compare("benchmarks.memory", WORKERS, rounds=2)
    if found is not None:
        for cases in found.values():
            del cases["memory_mb"]  # That of the parent, which does not train.
        print_table("Peak memory of training", found, "keras_wa", unit="MB")
