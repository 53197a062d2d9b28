"""The runs of a comparison: which there are, and how each comes to its end."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from keras_wa.errors import UserError
from keras_wa.evaluate.compare.systems import COMMON, System, systems_of
from keras_wa.evaluate.report.evaluate_run import evaluate_run
from keras_wa.files import locked
from keras_wa.training.config import TrainConfig
from keras_wa.training.data import load_data
from keras_wa.training.defaults import settled
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
        part: what it is evaluated on, `val` or `test`.
    """

    system: System
    split: str
    seed: int
    config: TrainConfig
    path: Path
    part: str = "test"

    @property
    def trained(self) -> bool:
        """Whether the training has ended, after which its checkpoints are removed."""
        history = self.path / "history.csv"
        return (
            history.is_file()
            and len(pd.read_csv(history)) == self.config.epochs
            and not (self.path / "checkpoints").is_dir()
        )

    @property
    def complete(self) -> bool:
        """Whether the run is trained and evaluated on its part."""
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

    A split of `patient-kfold` is as many runs of each seed as it has folds, unless
    `shared` names one fold.

    Seed by seed, so that a comparison that was stopped has as many runs of each system
    as of any other.

    Args:
        systems: what is compared.
        shared: fields of the training config that all runs have.
        seeds: runs of each system on each split, with the seeds 0 to `seeds - 1`.
        splits: names of splits.
        out: folder of the comparison; a run lies in `runs/<split>/<system>-seed<n>`, or
            `…-fold<i>` where there are several.
        part: what they are evaluated on, `val` or `test`.

    Raises:
        UserError: a setting does not fit, or a run that lies there already was made
            with other settings.
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
    """The folds of a split; `None` where its runs are not told apart by them."""
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
                "the settings as they were."
            )


def run_job(job: Job, resamples: int, verbose: int) -> bool:
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
    run = Run.open(job.path) if begun else Run.create(job.path, job.config)
    _require_same_settings(run, job.config)  # Another process may have begun it.
    if not job.trained:
        data = load_data(job.config)
        if train(run, data, resume=begun, verbose=verbose).interrupted:
            return False
    evaluate_run(run, job.part, n_resamples=resamples)
    # Three times the size of the model, and of no more use. First renamed: half of them
    # would be taken for a training that has not ended.
    if run.checkpoints.is_dir():
        gone = run.checkpoints.rename(run.path / ".checkpoints.partial-removed")
        shutil.rmtree(gone, ignore_errors=True)
    return True


def jobs_of_runs(paths: Sequence[Path], part: str = "test") -> list[Job]:
    """The jobs that finished runs were; those of one system are its seeds and folds.

    Args:
        paths: run directories.
        part: what they are compared on, `val` or `test`.

    Raises:
        UserError: a path is no run, two are the same, they differ in the data, the
            split or the budget, or a fold is missing that another seed or system has.
    """
    runs = [Run.open(path) for path in paths]
    sizes: dict[int, Run] = {}
    for run in runs:
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
                "system once a seed and fold."
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
                f"{other.path} has another `{field}` than {first.path}. Received: "
                f"{now!r}; expected {then!r}. Such runs cannot be compared: data, "
                "split and budget of a comparison are one."
            )


def _require_same_images(first: Run, other: Run) -> None:
    then, now = first.pixels(), other.pixels()
    if then is None or now is None or then == now:
        return
    name = next(roi for roi in {**then, **now} if then.get(roi) != now.get(roi))
    raise UserError(
        f"{other.path} was trained with other images than {first.path}: the first ROI "
        f"that differs, or that one of them lacks, is {name!r}. Such runs cannot be "
        "compared."
    )
