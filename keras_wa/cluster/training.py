"""One training on several workers, which Ray Train starts, watches and restarts."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import keras
import ray
from ray import train as ray_train
from ray.train.collective import broadcast_from_rank_zero
from ray.train.v2.api.config import FailureConfig, RunConfig, ScalingConfig
from ray.train.v2.jax import JaxConfig, JaxTrainer

from keras_wa.errors import DivergedError, UserError, in_one_line
from keras_wa.training.data import RunData, load_data_of
from keras_wa.training.decision import make_decision
from keras_wa.training.fit import Outcome, train
from keras_wa.training.hardware import require_divisible
from keras_wa.training.run import Run, read_history


def train_on_workers(
    run: Run, data: RunData, workers: int, resume: bool, show: Callable[[str], None]
) -> Outcome:
    """Trains a run on workers of the Ray cluster that this process is connected to.

    Each worker has a GPU, or a core in a cluster without GPUs, and loads the data from
    their places in the run, whose directory all share. If a worker ends, all restart
    and resume from the last checkpoint; five times at most.

    Args:
        run, data, resume: see `keras_wa.training.fit.train`.
        workers: number of workers; divides the batch.
        show: function of a line for each completed epoch.

    Returns:
        The outcome. `decision.json` is written too.

    Raises:
        UserError: cluster or batch do not fit, or the training has failed.
    """
    try:
        require_divisible(run.config, workers)
        trainer = _trainer(run, workers)
        if not resume:
            run.begin(data.cases, data.pixels)
        # In a thread: Ray Train's own handler of Ctrl-C ends the program with status 0.
        pool = ThreadPoolExecutor(1)
        result: Future[Any] = pool.submit(trainer.fit)
        pool.shutdown(wait=False)
        shown = len(read_history(run.path))
        while not result.done():
            wait([result], timeout=1.0)
            for row in read_history(run.path)[shown:]:
                shown += 1
                show(", ".join(f"{name} {value:.4g}" for name, value in row.items()))
        outcome = result.result().return_value
        if isinstance(outcome, UserError):
            raise outcome
        return outcome
    except ray_train.TrainingFailedError as error:
        for cause in getattr(error, "worker_failures", {}).values():
            if isinstance(cause, UserError):
                raise cause from None
        raise UserError(f"Ray: {in_one_line(error)}. Resume {run.path}.") from error
    finally:
        shutil.rmtree(run.path / "ray", ignore_errors=True)  # Ray Train's own notes.
        run.give_up()


def _trainer(run: Run, workers: int) -> JaxTrainer:
    have = ray.cluster_resources()
    unit = "GPU" if have.get("GPU") else "CPU"
    if have.get(unit, 0) < workers:
        raise UserError(
            f"`ray_workers={workers}` need a {unit} each. Received: a cluster of "
            f"{have.get(unit, 0):.0f}; expected {workers}."
        )
    path, restarts = str(run.path.absolute()), FailureConfig(max_failures=5)
    return JaxTrainer(
        _work,
        train_loop_config={"run": path},
        jax_config=JaxConfig(),  # Keras connects the workers, on any device.
        scaling_config=ScalingConfig(
            num_workers=workers, resources_per_worker={unit: 1}, use_gpu=unit == "GPU"
        ),
        run_config=RunConfig(name="ray", storage_path=path, failure_config=restarts),
    )


def _work(config: dict[str, Any]) -> Outcome | UserError:
    """Trains in one worker."""
    context = ray_train.get_context()
    index, count = context.get_world_rank(), context.get_world_size()
    with socket.socket() as free:
        free.bind(("", 0))
        own = f"{ray.util.get_node_ip_address()}:{free.getsockname()[1]}"
    keras.distribution.initialize(broadcast_from_rank_zero(own), count, index)
    run = Run.open(config["run"])
    data = load_data_of(run, progress=False)
    if index == 0:
        run.note_devices()
    try:
        outcome = train(run, data, resume=True, verbose=0)
    except DivergedError as error:
        return error  # In all workers alike: no restart would help.
    if index == 0:
        make_decision(run, data)
    return outcome
