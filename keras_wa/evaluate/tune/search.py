"""Runs a search: trials, pruning, and the study that keeps them."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from keras_wa.errors import UserError, in_one_line
from keras_wa.evaluate.tune.space import Parameter, configured
from keras_wa.files import locked
from keras_wa.training.config import TrainConfig
from keras_wa.training.data import load_data
from keras_wa.training.defaults import settled
from keras_wa.training.fingerprint import fingerprint_hash, with_absolute_paths
from keras_wa.training.fit import train
from keras_wa.training.run import Run, read_history

_log = logging.getLogger(__name__)

_FOLDER = "folder"
_BASE = "base"
_ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
_RANDOM_TRIALS = 5

MOST_FAILURES = 3
"""Failures in a row that end a search."""


def open_study(
    out: Path, space: Sequence[Parameter], base: TrainConfig
) -> optuna.Study:
    """Opens the study in a folder, or creates it.

    Raises:
        UserError: the study is of other settings or of another space.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(out / "study.log")))
    study = optuna.create_study(
        storage=storage,
        study_name="tune",
        direction="maximize",
        load_if_exists=True,
        # Asynchronous successive halving (ASHA).
        pruner=optuna.pruners.SuccessiveHalvingPruner(
            min_resource=max(1, base.epochs // 9), reduction_factor=3
        ),
    )
    own = {
        "settings": fingerprint_hash(base),
        "seed": base.seed,
        "data": with_absolute_paths(base).data_dir,
        "parameters": [repr(each) for each in space],
    }
    then = study.user_attrs.get(_BASE, own)
    for what in own:
        if then[what] == own[what]:
            continue
        raise UserError(
            f"{out}: the {what} of this search differ from those given. Name "
            f"another `out`, or give the {what} as before."
        )
    study.set_user_attr(_BASE, own)
    return study


def search(
    study: optuna.Study,
    space: Sequence[Parameter],
    base: Mapping[str, Any],
    out: Path,
    trials: int,
    minutes: float | None = None,
    verbose: int = 2,
    distribute: Any = None,
) -> bool:
    """Runs trials until the study has enough of them, or the time is up.

    The objective is the best validation AUC of an epoch; with `patient-kfold` it is its
    mean over the folds, unless the settings name one. The test part is not predicted.
    Trials that are worse than others in the first fold are stopped early (ASHA). A
    failed trial does not count, and three in a row end the search.

    Args:
        study: the study, from `open_study`.
        space: the settings to vary.
        base: the settings of all trials.
        out: folder of the search; runs are in `runs/<trial>/<trial>-fold<i>`.
        trials: number of trials in the study, including those of earlier calls.
        minutes: no trial starts after this time; None for no limit.
        verbose: 0, 1 or 2, see `keras.Model.fit`.
        distribute: how trials are distributed over processes, such as
            `keras_wa.cluster.tasks.run_tasks`; None runs them one by one.

    Returns:
        Whether the search ended; false after Ctrl-C, which keeps the trial for the next
        call.

    Raises:
        UserError: another process searches in the folder, or the data cannot be read.
    """
    with locked(out, busy=f"{out} is held by another search."):
        config = configured(base, {})
        load_data(config, progress=False)  # Refuses what no trial can use.
        return _search(study, space, base, out, trials, minutes, verbose, distribute)


def _search(
    study: optuna.Study,
    space: Sequence[Parameter],
    base: Mapping[str, Any],
    out: Path,
    trials: int,
    minutes: float | None,
    verbose: int,
    distribute: Any,
) -> bool:
    begin, failures = time.monotonic(), 0

    def late() -> bool:
        return minutes is not None and time.monotonic() - begin > 60 * minutes

    study.sampler = optuna.samplers.TPESampler(
        n_startup_trials=_RANDOM_TRIALS,
        # A new one for each call, which else would repeat the draws of the last one.
        seed=base.get("seed", TrainConfig.seed) + len(study.trials),
        # Trials at the same time differ.
        constant_liar=distribute is not None,
    )
    _continue_stopped(study)
    if distribute is not None:
        from keras_wa.evaluate.tune.parallel import search_in_parallel

        search_in_parallel(study, space, base, out, trials, late, distribute)
        return True
    while True:
        ended = len(ended_trials(study))
        if ended >= trials or late():
            return True
        trial, settings, name = ask(study, space)
        folder = out / "runs" / name
        shown = ", ".join(f"{key}={value}" for key, value in settings.items())
        _log.info("[%d/%d] %s", ended + 1, trials, shown)
        try:
            value = objective(trial, settings, base, folder, verbose)
        except KeyboardInterrupt:
            return False
        except Exception as error:  # Such as no memory for a large batch.
            study.tell(trial, state=TrialState.FAIL)
            shutil.rmtree(folder, ignore_errors=True)
            failures += 1
            if failures == MOST_FAILURES:
                raise
            _log.warning("Failed, the search continues: %s", in_one_line(error))
        else:
            failures = 0
            # The study has the results, and a run has some 400 MB.
            shutil.rmtree(folder, ignore_errors=True)
            if value is None:
                study.tell(trial, state=TrialState.PRUNED)
                _log.info("Stopped early: others are better.")
            else:
                study.tell(trial, value)
                _log.info("Validation AUC %.4f, best %.4f", value, study.best_value)
        finally:
            keras.backend.clear_session()


def ask(
    study: optuna.Study, space: Sequence[Parameter]
) -> tuple[optuna.Trial, dict[str, Any], str]:
    """Returns the next trial, its settings and the name of its folder."""
    trial = study.ask()
    settings = {each.name: each.suggest(trial) for each in space}
    name = trial.user_attrs.get(_FOLDER, f"{trial.number:05d}")
    trial.set_user_attr(_FOLDER, name)
    return trial, settings, name


def ended_trials(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Returns the trials with a result; failed ones do not count."""
    return study.get_trials(deepcopy=False, states=_ENDED)


class _Report(keras.callbacks.Callback):
    """Reports the validation AUC of each epoch, and stops a trial that is worse."""

    def __init__(self, trial: optuna.Trial, path: Path) -> None:
        super().__init__()
        self._trial = trial
        self._before = [row["val_auc"] for row in read_history(path)]
        self.pruned = False

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        # Of a trial that is continued.
        for epoch, auc in enumerate(self._before, 1):
            self._trial.report(auc, epoch)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._trial.report((logs or {})["val_auc"], epoch + 1)
        if self._trial.should_prune():
            self.pruned = self.model.stop_training = True


def objective(
    trial: optuna.Trial,
    settings: Mapping[str, Any],
    base: Mapping[str, Any],
    folder: Path,
    verbose: int,
) -> float | None:
    """Returns the mean validation AUC over the folds; None if it was stopped early."""
    config = configured(base, settings)
    folds: Sequence[int | None] = [None]
    if config.split == "patient-kfold" and "fold" not in base:
        folds = range(config.folds)
    aucs: list[float] = []
    for fold in folds:
        own = configured({**base, **({} if fold is None else {"fold": fold})}, settings)
        path = folder / f"{folder.name}-fold{fold or 0}"
        report = _Report(trial, path)
        auc = _validation_auc(path, own, [report] if not aucs else [], verbose)
        if report.pruned:
            return None
        aucs.append(auc)
    return float(np.mean(aucs))


def _validation_auc(
    path: Path,
    config: TrainConfig,
    callbacks: Sequence[keras.callbacks.Callback],
    verbose: int,
) -> float:
    begun = (path / "config.json").is_file()
    own = settled(with_absolute_paths(config))
    run = Run.open(path) if begun else Run.create(path, own)
    data = load_data(run.config, progress=False)
    outcome = train(run, data, resume=begun, verbose=verbose, callbacks=callbacks)
    if outcome.interrupted:
        raise KeyboardInterrupt
    assert outcome.best_auc is not None
    return outcome.best_auc


def _continue_stopped(study: optuna.Study) -> None:
    """Enqueues trials whose process ended without a result; their runs are resumed."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
        if _FOLDER in trial.user_attrs:
            study.enqueue_trial(trial.params, {_FOLDER: trial.user_attrs[_FOLDER]})
