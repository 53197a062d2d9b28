"""Runs the trials of a search in other processes, several at once."""

from __future__ import annotations

import functools
import logging
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import optuna
from optuna.trial import TrialState

from keras_wa.errors import UserError, in_one_line, may_pass
from keras_wa.evaluate.tune import search
from keras_wa.evaluate.tune.space import Parameter
from keras_wa.progress import ProgressBar
from keras_wa.training.config import TrainConfig

_log = logging.getLogger(__name__)

PendingTrial = tuple[int, dict[str, Any], str]
"""A trial's id in the storage, its settings, and its folder."""

Distribute = Callable[
    [Callable[[list[PendingTrial]], list[Any]], Iterable[PendingTrial]],
    Iterator[tuple[list[PendingTrial], list[Any]]],
]


def search_in_parallel(
    study: optuna.Study,
    space: Sequence[Parameter],
    base: Mapping[str, Any],
    out: Path,
    trials: int,
    late: Callable[[], bool],
    distribute: Distribute,
) -> None:
    """Runs trials until the study has enough of them, or the time is up.

    A trial is suggested when a process is free, from the results so far. So, unlike
    with one process, the settings depend on which trial ends first.
    """
    config = TrainConfig.from_mapping(base, "search")
    work = functools.partial(_run_trials, space, config, base, out)
    running = failures = 0

    def pending() -> Iterator[PendingTrial]:
        nonlocal running
        while len(search.ended_trials(study)) + running < trials and not late():
            running += 1
            trial, settings, name = search.ask(study, space)
            yield trial._trial_id, settings, name

    with ProgressBar("Searching", trials) as bar:
        while True:
            ended = len(search.ended_trials(study))
            bar.advance(ended - bar.done)
            if ended >= trials or late():
                return
            for ((trial, _, name),), (value,) in distribute(work, pending()):
                running -= 1
                number = study._storage.get_trial(trial).number
                shutil.rmtree(out / "runs" / name, ignore_errors=True)
                if isinstance(value, UserError):
                    study.tell(number, state=TrialState.FAIL)
                    failures += 1
                    if failures == search.MOST_FAILURES:
                        raise value
                    _log.warning("Failed, the search continues: %s", value)
                    continue
                failures = 0
                bar.advance()
                if value is None:
                    study.tell(number, state=TrialState.PRUNED)
                else:
                    study.tell(number, value)


def _run_trials(
    space: Sequence[Parameter],
    config: TrainConfig,
    base: Mapping[str, Any],
    out: Path,
    trials: list[PendingTrial],
) -> list[float | UserError | None]:
    """Returns the value of each trial, None if it was stopped early, or an error."""
    study = search.open_study(out, space, config)
    values: list[float | UserError | None] = []
    for number, settings, name in trials:
        trial = optuna.trial.Trial(study, number)
        try:
            folder = out / "runs" / name
            values.append(search.objective(trial, settings, base, folder, 0))
        except Exception as error:  # Such as no memory for a large batch.
            if isinstance(error, OSError) and may_pass(error):
                raise
            values.append(UserError(in_one_line(error)))
        finally:
            keras.backend.clear_session()
    return values
