"""The runs of a comparison: which there are, and how each comes to its end."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_wa.comparison.systems import SETTINGS, System
from keras_wa.errors import UserError
from keras_wa.files import locked
from keras_wa.reporting.evaluate_run import evaluate_run
from keras_wa.training.config import TrainConfig
from keras_wa.training.data import load_data
from keras_wa.training.fit import OWN_FIELDS, train
from keras_wa.training.run import Run

BUDGET = ("dataset", "image_size", "fresh_rois", "rois", "epochs", "batch_size")
"""Fields of a training config that all runs of a comparison have in common."""


@dataclasses.dataclass(frozen=True)
class Job:
    """One run of a comparison.

    Attributes:
        system: what is trained.
        split: name of the split.
        seed: of weights, order and augmentation.
        config: the run's settings.
        path: the run directory.
    """

    system: System
    split: str
    seed: int
    config: TrainConfig
    path: Path

    @property
    def complete(self) -> bool:
        """Whether the run is trained and evaluated on its test part."""
        return (self.path / "evaluation" / "test" / "metrics.json").is_file()

    @property
    def title(self) -> str:
        return f"{self.system.name}, seed {self.seed}, split {self.split}"


def plan_jobs(
    systems: Sequence[System],
    shared: Mapping[str, Any],
    seeds: int,
    splits: Sequence[str],
    out: Path,
) -> list[Job]:
    """Lists the runs of a comparison, seed by seed.

    Seed by seed, so that a comparison that was stopped has as many runs of each system
    as of any other.

    Args:
        systems: what is compared.
        shared: fields of the training config that all runs have.
        seeds: runs of each system on each split, with the seeds 0 to `seeds - 1`.
        splits: names of splits.
        out: folder of the comparison; a run lies in `runs/<split>/<system>-seed<n>`.

    Raises:
        UserError: a setting does not fit, or a run that lies there already was made
            with other settings.
    """
    jobs = [
        Job(
            system,
            split,
            seed,
            system.config({**shared, "seed": seed, "split": split}),
            out / "runs" / split / f"{system.name.replace(':', '-')}-seed{seed}",
        )
        for seed in range(seeds)
        for split in splits
        for system in systems
    ]
    for job in jobs:
        if (job.path / "config.json").is_file():
            _require_same_settings(Run.open(job.path), job.config)
    return jobs


def _require_same_settings(run: Run, config: TrainConfig) -> None:
    then, now = run.config.to_mapping(), config.to_mapping()
    for field, value in now.items():
        if field not in OWN_FIELDS and then[field] != value:
            raise UserError(
                f"{run.path} was trained with other settings: `{field}` was "
                f"{then[field]!r}. Received: {value!r}. Name another --out, or give "
                "the settings as they were."
            )


def carry_out(job: Job, resamples: int, verbose: int) -> bool:
    """Trains a run to its end, or carries it on, and evaluates it.

    Args:
        job: the run.
        resamples: of the bootstrap of its own report.
        verbose: as in `keras.Model.fit`.

    Returns:
        Whether it came to its end; false after Ctrl-C.

    Raises:
        FolderBusyError: another process holds the run.
        UserError: the training failed.
    """
    try:
        with locked(job.path, busy=f"{job.path} is held by another process."):
            # Another process may have done it while this one was elsewhere.
            return job.complete or _work(job, resamples, verbose)
    finally:
        keras.backend.clear_session()


def _work(job: Job, resamples: int, verbose: int) -> bool:
    begun = (job.path / "config.json").is_file()
    data = load_data(job.config)
    run = Run.open(job.path) if begun else Run.create(job.path, job.config)
    if train(run, data, resume=begun, verbose=verbose).interrupted:
        return False
    evaluate_run(run, "test", n_resamples=resamples)
    # Three times the size of the model, and of no more use.
    shutil.rmtree(run.checkpoints, ignore_errors=True)
    return True


def jobs_of_runs(paths: Sequence[Path]) -> list[Job]:
    """The jobs that finished runs were.

    Runs that differ in the seed alone are of one system. Its name has what tells it
    from the others: its model, and those options that are not the same in all runs.

    Args:
        paths: run directories.

    Raises:
        UserError: a path is no run, two are the same, or their budgets differ.
    """
    runs = [Run.open(path) for path in paths]
    options = [_flat(run.config) for run in runs]
    varying = {
        key
        for one in options
        for key in one
        if any(other.get(key) != one[key] for other in options)
    }
    jobs = []
    for run, own in zip(runs, options, strict=True):
        words = [f"{key}={own[key]}" for key in sorted(varying) if key in own]
        name = ":".join([run.config.model, *words])
        system = System(name, run.config.model, run.config.model_options)
        jobs.append(
            Job(system, run.config.split, run.config.seed, run.config, run.path)
        )
        _require_same_budget(runs[0], run)
    seen = [(job.system.name, job.seed) for job in jobs]
    for job, key in zip(jobs, seen, strict=True):
        if seen.count(key) > 1:
            raise UserError(
                f"{job.path} and another run are both {job.system.name} with seed "
                f"{job.seed}. Expected: each system once a seed."
            )
    return jobs


def _flat(config: TrainConfig) -> dict[str, Any]:
    return {**config.model_options, **{key: getattr(config, key) for key in SETTINGS}}


def _require_same_budget(first: Run, other: Run) -> None:
    for field in BUDGET:
        then, now = getattr(first.config, field), getattr(other.config, field)
        if then != now:
            raise UserError(
                f"{other.path} has another budget than {first.path}: `{field}`. "
                f"Received: {now!r}; expected {then!r}. Such runs cannot be compared."
            )
