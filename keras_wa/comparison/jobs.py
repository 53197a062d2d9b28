"""The runs of a comparison: which there are, and how each comes to its end."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_wa.comparison.systems import COMMON, System, systems_of
from keras_wa.errors import UserError
from keras_wa.files import locked
from keras_wa.reporting.evaluate_run import evaluate_run
from keras_wa.training.config import TrainConfig
from keras_wa.training.data import load_data
from keras_wa.training.fingerprint import fingerprint, with_absolute_paths
from keras_wa.training.fit import train
from keras_wa.training.run import Run


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
            with_absolute_paths(
                system.config({**shared, "seed": seed, "split": split})
            ),
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
    then, now = fingerprint(run.config), fingerprint(config)
    for field, value in now.items():
        if then[field] != value:
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
    """The jobs that finished runs were; those of one system are its seeds.

    Args:
        paths: run directories.

    Raises:
        UserError: a path is no run, two are the same, or they differ in the data, the
            split or the budget.
    """
    runs = [Run.open(path) for path in paths]
    for run in runs:
        _require_in_common(runs[0], run)
    jobs = [
        Job(system, run.config.split, run.config.seed, run.config, run.path)
        for run, system in zip(
            runs, systems_of([run.config for run in runs]), strict=True
        )
    ]
    seen = [(job.system.name, job.seed) for job in jobs]
    for job, key in zip(jobs, seen, strict=True):
        if seen.count(key) > 1:
            raise UserError(
                f"{job.path} and another run are both {job.system.name} with seed "
                f"{job.seed}. Expected: each system once a seed."
            )
    return jobs


def _require_in_common(first: Run, other: Run) -> None:
    for field in COMMON:
        then, now = getattr(first.config, field), getattr(other.config, field)
        if then != now:
            raise UserError(
                f"{other.path} has another `{field}` than {first.path}. Received: "
                f"{now!r}; expected {then!r}. Such runs cannot be compared: data, "
                "split and budget of a comparison are one."
            )
    then, now = first.pixels(), other.pixels()
    if then is None or now is None or then == now:
        return
    name = next(roi for roi in {**then, **now} if then.get(roi) != now.get(roi))
    raise UserError(
        f"{other.path} was trained with other images than {first.path}: the first ROI "
        f"that differs, or that one of them lacks, is {name!r}. Such runs cannot be "
        "compared."
    )
