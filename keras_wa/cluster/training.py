"""One training on several workers, which Ray Train starts, watches and restarts."""

from __future__ import annotations

import concurrent.futures
import os
import shutil
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import pandas as pd
import ray
from ray import train as ray_train
from ray.train.collective import broadcast_from_rank_zero
from ray.train.v2.api.config import FailureConfig, RunConfig, ScalingConfig
from ray.train.v2.jax import JaxConfig, JaxTrainer

from keras_wa.errors import UserError, in_one_line
from keras_wa.files import write_json
from keras_wa.training.data import RunData, load_data_of
from keras_wa.training.decision import make_decision
from keras_wa.training.fit import Outcome, train
from keras_wa.training.hardware import describe_devices, require_divisible
from keras_wa.training.run import Run

_RESTARTS = 5
_LOOK_S = 1.0


def train_on_workers(
    run: Run,
    data: RunData,
    workers: int,
    resume: bool,
    show: Callable[[str], None] = print,
) -> Outcome:
    """Trains a run on workers of the Ray cluster that this process is connected to.

    Each worker has a GPU, or a core in a cluster without GPUs. The workers and this
    process share the run's directory. If a worker ends, all are restarted and resume
    from the last checkpoint; five times at most.

    Args:
        run: the run; its directory is begun here.
        data: the run's ROIs. Each worker loads them anew from the places in the run.
        workers: number of workers; divides the batch.
        resume: whether to continue from the last checkpoint.
        show: function of a line for each completed epoch.

    Returns:
        The outcome. `decision.json` is written too.

    Raises:
        UserError: the cluster is too small, the batch does not divide, a worker has
            other data, or the training has failed.
    """
    require_divisible(run.config, workers)
    have = ray.cluster_resources()
    unit = "GPU" if have.get("GPU") else "CPU"
    if have.get(unit, 0) < workers:
        raise UserError(
            f"`ray_workers={workers}`, each with a {unit}, are more than the cluster "
            f"has. Received: {have.get(unit, 0):.0f} {unit}s; expected {workers}."
        )
    if not resume:
        run.begin(data.cases, data.pixels)
    trainer = JaxTrainer(
        _work,
        train_loop_config={"run": os.path.abspath(run.path)},
        jax_config=JaxConfig(),  # Keras connects the workers, on any device.
        scaling_config=ScalingConfig(
            num_workers=workers, resources_per_worker={unit: 1}, use_gpu=unit == "GPU"
        ),
        run_config=RunConfig(
            name="ray",
            storage_path=os.path.abspath(run.path),
            failure_config=FailureConfig(max_failures=_RESTARTS),
            worker_runtime_env={"env_vars": {"KERAS_BACKEND": "jax"}},
        ),
    )
    # In a thread: Ray Train's own handler of Ctrl-C ends the program with status 0.
    pool = ThreadPoolExecutor(1)
    result: concurrent.futures.Future[Any] = pool.submit(trainer.fit)
    pool.shutdown(wait=False)
    shown = len(_history(run))
    try:
        while not result.done():
            concurrent.futures.wait([result], _LOOK_S)
            for row in _history(run)[shown:]:
                shown += 1
                numbers = ", ".join(f"{k} {v:.4g}" for k, v in row.items())
                show(numbers)
        return result.result().return_value
    except KeyboardInterrupt:
        return Outcome(len(_history(run)), None, None, interrupted=True)
    except ray_train.TrainingFailedError as error:
        for cause in getattr(error, "worker_failures", {}).values():
            if isinstance(cause, UserError):
                raise cause from None
        raise UserError(
            f"The training has failed on Ray ({in_one_line(error)}). Mend it, and "
            f"carry on: `train(run={str(run.path)!r}, resume=True)`"
        ) from error
    finally:
        shutil.rmtree(run.path / "ray", ignore_errors=True)  # Ray Train's own notes.


def _history(run: Run) -> list[dict[Any, Any]]:
    file = run.path / "history.csv"
    return pd.read_csv(file).to_dict("records") if file.is_file() else []


def _work(config: dict[str, Any]) -> Outcome:
    """Trains in one worker."""
    context = ray_train.get_context()
    index, count = context.get_world_rank(), context.get_world_size()
    address = broadcast_from_rank_zero(None if index else _free_address())
    if count > 1:
        keras.distribution.initialize(address, count, index)
    run = Run.open(config["run"])
    data = load_data_of(run, progress=False)
    if index == 0:
        devices = {"devices": describe_devices()}
        write_json(run.path / "environment.json", {**run.environment(), **devices})
    outcome = train(run, data, resume=True, verbose=0)
    if index == 0:
        make_decision(run, data)
    return outcome


def _free_address() -> str:
    """Returns an address of this machine that the other workers reach."""
    with socket.socket() as free:
        free.bind(("", 0))
        return f"{ray.util.get_node_ip_address()}:{free.getsockname()[1]}"
