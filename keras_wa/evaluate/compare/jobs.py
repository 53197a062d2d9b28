"""Plans and completes the runs of a comparison."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_wa.errors import UserError
from keras_wa.evaluate.compare.systems import COMMON, System, systems_of
from keras_wa.evaluate.report.evaluate_run import evaluate_run
from keras_wa.files import locked
from keras_wa.training.config import TrainConfig
from keras_wa.training.data import load_data
from keras_wa.training.defaults import settled
from keras_wa.training.fingerprint import fingerprint, with_absolute_paths
from keras_wa.training.fit import train
from keras_wa.training.run import Run, read_history

Distribute = Callable[
    [Callable[[list[Any]], list[Any]], Sequence[Any]],
    Iterable[tuple[list[Any], list[Any]]],
]
"""Applies a function to items, in other processes; yields items and results."""


@dataclasses.dataclass(frozen=True)
class Job:
    """One run of a comparison.

    Attributes:
        system: the system to train.
        split: name of the split.
        seed: seed of weights, order and augmentation.
        config: the run's settings.
        path: the run directory.
        part: evaluated part of the split, `val` or `test`.
    """

    system: System
    split: str
    seed: int
    config: TrainConfig
    path: Path
    part: str = "test"

    @property
    def trained(self) -> bool:
        """Returns whether the training has ended."""
        return (
            len(read_history(self.path)) == self.config.epochs
            and not (self.path / "checkpoints").is_dir()
        )

    @property
    def complete(self) -> bool:
        """Returns whether the run is trained and evaluated on its part."""
        return (self.path / "evaluation" / self.part / "metrics.json").is_file()

    @property
    def title(self) -> str:
        fold = f", fold {self.config.fold}" if self.split == "patient-kfold" else ""
        return f"{self.system.name}, seed {self.seed}, split {self.split}{fold}"


def plan_jobs(
    systems: Sequence[System],
    shared: Mapping[str, Any],
    seeds: int,
    splits: Sequence[str],
    out: Path,
    part: str = "test",
) -> list[Job]:
    """Lists the runs of a comparison, seed by seed.

    With `patient-kfold`, each seed has a run for each fold, unless `shared` names one
    fold. The order is by seed, so that an interrupted comparison has equally many runs
    of each system.

    Args:
        systems: the systems to compare.
        shared: fields of the training config that all runs share.
        seeds: runs of each system on each split, with the seeds 0 to `seeds - 1`.
        splits: names of splits.
        out: folder of the comparison; a run is in `runs/<split>/<system>-seed<n>`, or
            `…-fold<i>` if there are several folds.
        part: evaluated part of the split, `val` or `test`.

    Raises:
        UserError: a setting is invalid, or an existing run has other settings.
    """
    jobs = []
    for seed in range(seeds):
        for split in splits:
            for fold in _folds(split, shared):
                for system in systems:
                    own = {**shared, "seed": seed, "split": split}
                    name = f"{system.name.replace(':', '-')}-seed{seed}"
                    if fold is not None:
                        own["fold"] = fold
                        name += f"-fold{fold}"
                    config = settled(with_absolute_paths(system.config(own)))
                    path = out / "runs" / split / name
                    jobs.append(Job(system, split, seed, config, path, part))
    for job in jobs:
        if (job.path / "config.json").is_file():
            _require_same_settings(Run.open(job.path), job.config)
    return jobs


def _folds(split: str, shared: Mapping[str, Any]) -> Sequence[int | None]:
    """Returns the folds of a split, or a single None if its runs have no fold."""
    if split != "patient-kfold" or "fold" in shared:
        return [None]
    return range(TrainConfig(folds=shared.get("folds", TrainConfig.folds)).folds)


def _require_same_settings(run: Run, config: TrainConfig) -> None:
    then, now = fingerprint(run.config), fingerprint(config)
    for field, value in now.items():
        if then[field] != value:
            raise UserError(
                f"{run.path} was trained with other settings: `{field}` was "
                f"{then[field]!r}. Received: {value!r}. Name another `out`, or give "
                "the same settings."
            )


def run_job(job: Job, resamples: int, verbose: int) -> bool:
    """Trains a run, or resumes its training, and evaluates it.

    Returns:
        Whether the run was completed; false after Ctrl-C.

    Raises:
        FolderBusyError: another process is working on the run.
        UserError: the training failed.
    """
    try:
        with locked(job.path, busy=f"{job.path} is held by another process."):
            # Another process may have completed it meanwhile.
            return job.complete or _work(job, resamples, verbose)
    finally:
        keras.backend.clear_session()


def _work(job: Job, resamples: int, verbose: int) -> bool:
    begun = (job.path / "config.json").is_file()
    run = Run.open(job.path) if begun else Run.create(job.path, job.config)
    _require_same_settings(run, job.config)  # Another process may have begun it.
    if not job.trained:
        data = load_data(job.config)
        if train(run, data, resume=begun, verbose=verbose).interrupted:
            return False
    evaluate_run(run, job.part, n_resamples=resamples)
    # Checkpoints take three times the size of the model and are no longer needed. They
    # are renamed first, since a partial folder would look like an unfinished training.
    if run.checkpoints.is_dir():
        gone = run.checkpoints.rename(run.path / ".checkpoints.partial-removed")
        shutil.rmtree(gone, ignore_errors=True)
    return True


def jobs_of_runs(paths: Sequence[Path], part: str = "test") -> list[Job]:
    """Returns the jobs of finished runs; runs of one system are its seeds and folds.

    Raises:
        UserError: a path is not a run, two are the same, they differ in data, split or
            budget, or a fold is missing that another seed or system has.
    """
    runs = [Run.open(path) for path in paths]
    sizes: dict[int, Run] = {}
    for run in runs:
        if "members" in run.config.custom:
            raise UserError(
                f"{run.path} is an ensemble. Expected: runs of trainings. Name its "
                "members: the tables have the ensemble of each system's seeds."
            )
        _require_in_common(runs[0], run)
        _require_same_images(sizes.setdefault(run.config.image_size, run), run)
    jobs = [
        Job(system, run.config.split, run.config.seed, run.config, run.path, part)
        for run, system in zip(
            runs, systems_of([run.config for run in runs]), strict=True
        )
    ]
    folds: dict[tuple[str, int], list[int]] = {}
    for job in jobs:
        there = folds.setdefault((job.system.name, job.seed), [])
        if job.config.fold in there:
            raise UserError(
                f"{job.path} and another run are both {job.title}. Expected: each "
                "system once per seed and fold."
            )
        there.append(job.config.fold)
    every = sorted({fold for there in folds.values() for fold in there})
    for (name, seed), there in folds.items():
        if sorted(there) != every:
            raise UserError(
                f"{name}, seed {seed}. Received: runs of fold {sorted(there)}; "
                f"expected those of {every}, which others have."
            )
    return jobs


def _require_in_common(first: Run, other: Run) -> None:
    for field in COMMON:
        then, now = getattr(first.config, field), getattr(other.config, field)
        if then != now:
            raise UserError(
                f"{other.path} has a different `{field}` than {first.path}. Received: "
                f"{now!r}; expected {then!r}. The runs of a comparison have the same "
                "data, split and budget."
            )


def _require_same_images(first: Run, other: Run) -> None:
    then, now = first.pixels(), other.pixels()
    if then == now:
        return
    name = next(roi for roi in {**then, **now} if then.get(roi) != now.get(roi))
    raise UserError(
        f"{other.path} and {first.path} were trained on different images and cannot be "
        f"compared: the first ROI that differs, or that one of them lacks, is {name!r}."
    )
