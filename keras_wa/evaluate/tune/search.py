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

from keras_wa.errors import UserError
from keras_wa.evaluate.tune.space import Parameter, configured
from keras_wa.files import FolderBusyError, locked
from keras_wa.training.config import TrainConfig
from keras_wa.training.data import load_data
from keras_wa.training.defaults import settled
from keras_wa.training.fingerprint import fingerprint_hash, with_absolute_paths
from keras_wa.training.fit import train
from keras_wa.training.run import Run

_log = logging.getLogger(__name__)

_FOLDER = "folder"
_BASE = "base"
_ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
_RANDOM_TRIALS = 5


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
    own = {"settings": fingerprint_hash(base), "space": [repr(p) for p in space]}
    then = study.user_attrs.setdefault(_BASE, own)
    if then != own:
        what = "settings" if then["settings"] != own["settings"] else "parameters"
        raise UserError(
            f"{out}: the {what} of this search differ from the given ones. Name "
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
) -> bool:
    """Runs trials until the study has enough of them, or the time is over.

    The objective is the best validation AUC of an epoch; with `patient-kfold` it is its
    mean over the folds, unless the settings name one. The test part is not predicted.
    Trials that are worse than others in the first fold are stopped early (ASHA).

    Args:
        study: the study, from `open_study`.
        space: the settings to vary.
        base: the settings of all trials.
        out: folder of the search; runs are in `runs/<trial>-fold<i>`.
        trials: number of trials in the study, including those of earlier calls.
        minutes: no trial begins after this time; None for no limit.
        verbose: as in `keras.Model.fit`.

    Returns:
        Whether the search ended; false after Ctrl-C, which keeps the trial for the next
        call.
    """
    begin = time.monotonic()
    study.sampler = optuna.samplers.TPESampler(
        n_startup_trials=_RANDOM_TRIALS,
        # Another one for each call, which would repeat the draws of the last one.
        seed=base.get("seed", TrainConfig.seed) + len(study.trials),
    )
    while True:
        ended = len(ended_trials(study))
        late = minutes is not None and time.monotonic() - begin > 60 * minutes
        if ended >= trials or late:
            return True
        _continue_stopped(study, out)
        trial = study.ask()
        settings = {each.name: each.suggest(trial) for each in space}
        folder = trial.user_attrs.get(_FOLDER, f"{trial.number:05d}")
        trial.set_user_attr(_FOLDER, folder)
        shown = ", ".join(f"{name}={value}" for name, value in settings.items())
        _log.info("[%d/%d] %s", ended + 1, trials, shown)
        try:
            with locked(out / "runs" / folder, busy="The trial is running."):
                value = _objective(
                    trial, settings, base, out / "runs" / folder, verbose
                )
        except KeyboardInterrupt:
            return False
        except UserError as error:
            _log.warning("Failed, the others go on: %s", error)
            study.tell(trial, state=TrialState.FAIL)
            continue
        finally:
            keras.backend.clear_session()
        if value is None:
            study.tell(trial, state=TrialState.PRUNED)
            _log.info("Stopped early: others are better.")
        else:
            study.tell(trial, value)
            _log.info("Validation AUC %.4f, best %.4f", value, study.best_value)
        # The study has what is of interest, and a run has some 400 MB.
        shutil.rmtree(out / "runs" / folder, ignore_errors=True)


def ended_trials(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Returns the trials with a result, without those that another one continues."""
    last: dict[str, optuna.trial.FrozenTrial] = {}
    for trial in study.get_trials(deepcopy=False):
        if _FOLDER in trial.user_attrs:
            last[trial.user_attrs[_FOLDER]] = trial
    return [trial for trial in last.values() if trial.state in _ENDED]


class _Report(keras.callbacks.Callback):
    """Reports the validation AUC of each epoch, and stops a trial that is worse."""

    def __init__(self, trial: optuna.Trial) -> None:
        super().__init__()
        self._trial = trial
        self.pruned = False

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._trial.report((logs or {})["val_auc"], epoch + 1)
        if self._trial.should_prune():
            self.pruned = self.model.stop_training = True


def _objective(
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
        report = _Report(trial)
        path = folder / f"fold{fold or 0}"
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


def _continue_stopped(study: optuna.Study, out: Path) -> None:
    """Enqueues trials whose process ended without a result; their runs are resumed."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        folder = trial.user_attrs.get(_FOLDER)
        if folder is None:
            continue
        try:
            with locked(out / "runs" / folder, busy="The trial is running."):
                study.tell(trial.number, state=TrialState.FAIL)
        except FolderBusyError:
            continue  # Another process works on it.
        study.enqueue_trial(trial.params, {_FOLDER: folder})
