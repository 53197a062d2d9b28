"""Runs a comparison: its runs, costs and tables."""

from __future__ import annotations

import dataclasses
import functools
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from keras_wa.data import split_hash
from keras_wa.errors import UserError, may_pass
from keras_wa.evaluate.compare.comparison_page import render_page
from keras_wa.evaluate.compare.jobs import Distribute, Job, run_job
from keras_wa.evaluate.compare.markdown import PUBLISHED_ACCURACY, render_markdown
from keras_wa.evaluate.compare.run_results import RunResult, by_lesion, read_result
from keras_wa.evaluate.compare.summary import summarise
from keras_wa.evaluate.compare.training_curves import curve_plots, draw_curves
from keras_wa.evaluate.pages import to_png
from keras_wa.files import FolderBusyError, replacing, without_nan, write_json
from keras_wa.models.registry import model_source
from keras_wa.progress import ProgressBar
from keras_wa.training.data import load_data
from keras_wa.training.run import Run

_log = logging.getLogger(__name__)

ON_VALIDATION = (
    "On validation ROIs, on which the best epoch and the threshold were chosen: for "
    "choosing between systems. Report the test part of the chosen one."
)


@dataclasses.dataclass
class JobsOutcome:
    """Status of the runs of a comparison.

    Attributes:
        failed: runs whose training failed, with the reason.
        held: runs that other processes are working on.
        interrupted: whether Ctrl-C was pressed.
    """

    failed: list[tuple[Job, str]] = dataclasses.field(default_factory=list)
    held: list[Job] = dataclasses.field(default_factory=list)
    interrupted: bool = False


def run_jobs(
    jobs: Sequence[Job],
    resamples: int,
    verbose: int,
    distribute: Distribute | None = None,
) -> JobsOutcome:
    """Completes the runs of a comparison, and logs each when it begins.

    Complete runs are not changed; the data must have their split and pixels.

    Args:
        jobs: the runs.
        resamples: number of bootstrap resamples of each evaluation.
        verbose: 0, 1 or 2, see `keras.Model.fit`.
        distribute: how runs are distributed over processes, such as
            `keras_wa.cluster.tasks.run_tasks`; None completes them one by one.
    """
    _require_same_data(jobs)
    if distribute is not None:
        return _run_in_parallel(jobs, resamples, distribute)
    outcome = JobsOutcome()
    took: list[float] = []
    left = [job for job in jobs if not job.complete]
    while left:
        outcome.held = []
        for index, job in enumerate(left):
            if job.complete:  # Another process has completed it meanwhile.
                continue
            wait = np.mean(took) * (len(left) - index) / 60 if took else None
            hint = "" if wait is None else f", about {wait:.0f} min left"
            number = jobs.index(job) + 1
            _log.info("[%d/%d] %s%s", number, len(jobs), job.title, hint)
            start = time.monotonic()
            try:
                if not run_job(job, resamples, verbose):
                    outcome.interrupted = True
                    return outcome
                took.append(time.monotonic() - start)
            except FolderBusyError:
                _log.info("Another process is running it.")
                outcome.held.append(job)
            except UserError as error:
                _log.info("Failed, the others continue: %s", error)
                outcome.failed.append((job, str(error)))
        if len(outcome.held) == len(left):
            break
        # Runs that another process worked on may be free or complete now.
        left = outcome.held
    outcome.held = [job for job in outcome.held if not job.complete]
    return outcome


def _run_in_parallel(
    jobs: Sequence[Job], resamples: int, distribute: Distribute
) -> JobsOutcome:
    """Completes runs in other processes, under one progress bar."""
    outcome = JobsOutcome()
    left = [job for job in jobs if not job.complete]
    work = functools.partial(_complete, resamples)
    with ProgressBar("Training and evaluating", len(left)) as bar:
        for (job,), (error,) in distribute(work, left):
            bar.advance()
            if isinstance(error, FolderBusyError):
                outcome.held.append(job)
            elif error is not None:
                _log.info("%s failed, the others continue: %s", job.title, error)
                outcome.failed.append((job, str(error)))
    # Their other process may have completed them meanwhile.
    outcome.held = [job for job in outcome.held if not job.complete]
    return outcome


def _complete(resamples: int, jobs: list[Job]) -> list[UserError | None]:
    """Completes runs; returns an error for each that failed."""
    errors: list[UserError | None] = []
    for job in jobs:
        try:
            run_job(job, resamples, verbose=0)
            errors.append(None)
        except UserError as error:
            if may_pass(error) and not isinstance(error, FolderBusyError):
                raise
            errors.append(error)
    return errors


def _require_same_data(jobs: Sequence[Job]) -> None:
    """Checks that the complete runs match the present data."""
    complete: dict[tuple[Any, ...], list[Job]] = {}
    for job in jobs:
        if job.complete:
            key = (job.split, job.config.fold, job.config.image_size)
            complete.setdefault(key, []).append(job)
    for same in complete.values():
        data = load_data(same[0].config, progress=False)
        now = split_hash(data.cases)
        for job in same:
            then = read_result(job.path, job.part).split_hash
            if then != now:
                raise UserError(
                    f"{job.path} was trained on a split other than the present one. "
                    f"Received: {now}; expected {then}. Restore the data, or name "
                    "another `out`."
                )
            Run.open(job.path).require_same_data(data.cases, data.pixels)


def collect(
    results: Mapping[str, Mapping[str, Sequence[RunResult]]],
    baseline: str,
    models: Mapping[str, str],
    costs: Mapping[str, Any],
    failed: Sequence[tuple[Job, str]],
    resamples: int,
    part: str = "test",
) -> dict[str, Any]:
    """Returns the content of `comparison.json`.

    Args:
        results: split -> system -> its runs.
        baseline: the system that the others are compared with.
        models: system -> its model.
        costs: system -> its costs.
        failed: runs that failed, with the reason.
        resamples: number of bootstrap resamples.
        part: evaluated part of the split, `val` or `test`.
    """
    splits: list[dict[str, Any]] = []
    for split, systems in results.items():
        summary = summarise(systems, baseline, resamples)
        summary["lesions"] = _by_lesion(systems, baseline, resamples)
        for system in summary["systems"]:
            model = models[system["name"]]
            system["model"] = model
            system["source"] = model_source(model)
            system["published"] = PUBLISHED_ACCURACY.get(model, "")
        reasons = [f"{job.title}: {why}" for job, why in failed if job.split == split]
        splits.append({"split": split, **summary, "failed": reasons})
    notes = [note for each in splits for note in each["notes"]]
    if part == "val":
        notes.insert(0, ON_VALIDATION)
    trained_on = [
        run.hardware
        for systems in results.values()
        for runs in systems.values()
        for run in runs
    ]
    record = {
        "format": 1,
        "command": " ".join(["keras-wa", *sys.argv[1:]]),
        "date": date.today().isoformat(),
        "hardware": "; ".join(dict.fromkeys(trained_on)),
        "notes": list(dict.fromkeys(notes)),
        "part": part,
        "costs": dict(costs),
        "splits": splits,
    }
    return without_nan(record)


def _by_lesion(
    systems: Mapping[str, Sequence[RunResult]], baseline: str, resamples: int
) -> dict[str, Any] | None:
    """Compares systems by lesion; None unless one of them has two views."""
    every = [run for runs in systems.values() for run in runs]
    if all(run.config.views == "one" for run in every):
        return None
    known = {
        name: [found for run in runs if (found := by_lesion(run)) is not None]
        for name, runs in systems.items()
    }
    if sum(map(len, known.values())) < len(every):
        _log.warning(
            "No table by lesion: the breast of some ROIs is unknown. By ROI, systems "
            "of two views cannot be compared with others."
        )
        return None
    return summarise(known, baseline, resamples)


def read_results(jobs: Sequence[Job]) -> dict[str, dict[str, list[RunResult]]]:
    """Reads the complete runs: split -> system -> runs, in the order of the jobs.

    Seeds with a missing fold are left out.
    """
    results: dict[str, dict[str, list[RunResult]]] = {}
    torn = {(job.split, job.system.name, job.seed) for job in jobs if not job.complete}
    for job in jobs:
        if (job.split, job.system.name, job.seed) not in torn:
            systems = results.setdefault(job.split, {})
            own = systems.setdefault(job.system.name, [])
            own.append(read_result(job.path, job.part))
    return results


def write_comparison(
    out: Path,
    record: Mapping[str, Any],
    results: Mapping[str, Mapping[str, Sequence[RunResult]]],
) -> list[Path]:
    """Writes the record, the pages and the curves. Returns the files."""
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "comparison.json", record)
    files = {
        "comparison.md": render_markdown(record).encode(),
        "comparison.html": render_page(record, results).encode(),
    }
    for split, systems in results.items():
        name = f"curves-{split}.png"
        files[name] = to_png(draw_curves(curve_plots(split, systems)))
    for name, content in files.items():
        with replacing(out / name) as partial:
            partial.write_bytes(content)
    return [out / name for name in ("comparison.json", *files)]
