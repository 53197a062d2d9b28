"""Writes the folder for TensorBoard from runs, which are not changed."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xxhash

from keras_wa import __version__
from keras_wa.errors import UserError
from keras_wa.evaluate.dashboard import evaluations, events, hparams
from keras_wa.evaluate.dashboard.embedding import CONFIG, write_embedding
from keras_wa.files import locked, remove_partials, write_json
from keras_wa.training.decision import FILE as DECISION
from keras_wa.training.decision import read_decision
from keras_wa.training.run import Run

CURVES = "training"
"""Name of the folder with a run's curves."""

_log = logging.getLogger(__name__)

# To be increased when the export of the same files changes.
_FORMAT = 2
_STAMPS = ".keras_wa.json"
_MARK = ".keras_wa_dashboard"
_CHARTS = {
    "loss, training and validation": ["^loss$", "^val_loss$"],
    "AUC, validation": ["^val_auc$"],
    "accuracy, training": ["^accuracy$"],
    "learning rate": ["^learning_rate$"],
}


def build(log_dir: Path, runs: Mapping[str, Run], most: int = 1000) -> list[str]:
    """Writes or updates TensorBoard's folder for some runs.

    A run `NAME` becomes `NAME/training`, a link to its logs (without logs, as with JAX,
    its history), and `NAME`, with settings and results, precision-recall curves,
    images, and the features of test ROIs. Other runs are removed from the folder.

    Args:
        log_dir: TensorBoard's folder; created if missing.
        runs: result of `find_runs`.
        most: number of test ROIs of each run for the projector; 0 for none.

    Returns:
        A sentence for each omitted part, with the reason.
    """
    _claim(log_dir)
    with locked(log_dir, busy=f"{log_dir} is being written by another process."):
        _remove_others(log_dir, runs)
        table = hparams.what_differs([run.config for run in runs.values()])
        columns = hparams.experiment(table, evaluations.METRICS)
        notes = []
        for i, (name, row) in enumerate(zip(runs, table, strict=True), start=1):
            one = _OneRun(log_dir / name, name, runs[name])
            notes += one.curves()
            one.settings(row, columns)
            notes += one.evaluations()
            if most:
                notes += one.embedding(most, f"({i}/{len(runs)})")
        return notes


class _OneRun:
    """Writes the parts of one run, each only if its sources have changed."""

    def __init__(self, folder: Path, name: str, run: Run) -> None:
        self.folder, self.name, self.run = folder, name, run
        folder.mkdir(parents=True, exist_ok=True)
        remove_partials(folder)
        self._file = folder / _STAMPS
        try:
            self._stamps = dict(json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            self._stamps = {}
            write_json(self._file, {})

    def curves(self) -> list[str]:
        """Links the run's logs, or writes its history if there are none."""
        place, own = self.folder / CURVES, self.run.tensorboard
        history = self.run.path / "history.csv"
        if own.is_dir() and _link(place, own):
            return []
        if place.is_symlink():
            place.unlink()
        try:
            table = pd.read_csv(history)
            stamp = self._to_do("curves", [history], place.is_dir())
            if stamp is None:
                return []
            entries = [
                (int(row["epoch"]), events.scalar(str(name), float(row[name])))
                for _, row in table.iterrows()
                for name in table.columns.drop("epoch")
            ]
        except (OSError, ValueError, KeyError) as error:
            return [f"{self.name}: no curves, no epoch was completed yet ({error})."]
        events.write_events(place, CURVES, entries, _time_of([history]))
        self._done("curves", stamp)
        return []

    def settings(self, row: dict[str, hparams.Value], columns: Any) -> None:
        """Writes the settings, the columns and the best epoch."""
        config, history = self.run.path / "config.json", self.run.path / "history.csv"
        own = [config, history]
        contents = [columns.SerializeToString().hex(), row]
        there = bool(self._written("settings"))
        stamp = self._to_do("settings", own, there, contents)
        if stamp is None:
            return
        start, end = _time_of([config]), _time_of(own)
        entries = [
            (0, columns),
            (0, hparams.session(self.name, row, start)),
            (0, events.layout(_CHARTS, "Overview")),
        ]
        best = _best_epoch(self.run)
        if best is not None:
            score = events.scalar(evaluations.BEST, best.val_auc)
            entries.append((best.epoch, score))
            if best.done >= self.run.config.epochs:
                entries.append((0, hparams.session_end(end)))
        events.write_events(self.folder, "settings", entries, end)
        self._done("settings", stamp)

    def evaluations(self) -> list[str]:
        """Writes the evaluations."""
        notes = []
        for split in evaluations.SPLITS:
            place = self.run.evaluation(split)
            files = [place / name for name in evaluations.FILES]
            if not place.is_dir():
                self._remove(split)
                if split == "test":
                    notes.append(
                        f"{self.name}: no results, it was not evaluated. Evaluate it: "
                        f"`evaluate_run(run={str(self.run.path)!r})`"
                    )
                continue
            if not files[-1].is_file():
                notes.append(
                    f"{self.name}: {split} has no pictures of mistakes, since an older "
                    "version evaluated it. Evaluate it again: "
                    f"`evaluate_run(run={str(self.run.path)!r})`"
                )
            stamp = self._to_do(split, files, bool(self._written(split)))
            if stamp is None:
                continue
            try:
                found = evaluations.summaries(place, split)
            except UserError as error:
                self._remove(split)
                notes.append(f"{self.name}: {split} is left out. {error}")
                continue
            best = _best_epoch(self.run)
            entries = [(best.epoch if best else 0, each) for each in found]
            events.write_events(self.folder, split, entries, _time_of(files))
            self._done(split, stamp)
        return notes

    def embedding(self, most: int, count: str) -> list[str]:
        """Writes the features of test ROIs."""
        metrics = self.run.evaluation("test") / evaluations.FILES[0]
        decision = self.run.path / DECISION
        own = [self.run.best, self.run.path / "split.csv", metrics, decision]
        there = (self.folder / CONFIG).is_file()
        stamp = self._to_do("embedding", own, there, [most])
        if stamp is None:
            return []
        title = f"Features of {self.name} {count}"
        _log.info("%s …", title)
        try:
            write_embedding(self.folder, self.run, most, self._threshold(), title)
        except (UserError, OSError) as error:
            (self.folder / CONFIG).unlink(missing_ok=True)
            return [f"{self.name}: not in the projector. {error}"]
        self._done("embedding", stamp)
        return []

    def _threshold(self) -> float | None:
        """Returns the evaluation's threshold, as in its report, else the run's."""
        try:
            results = evaluations.read_metrics(self.run.evaluation("test"))
            return float(results["threshold"]["value"])
        except UserError:
            decision = read_decision(self.run)
            return None if decision is None else decision.threshold

    def _written(self, name: str) -> list[Path]:
        return list(self.folder.glob(f"events.out.tfevents.*.{name}"))

    def _remove(self, name: str) -> None:
        for older in self._written(name):
            older.unlink()

    def _to_do(
        self, part: str, files: Sequence[Path], there: bool, more: Sequence[Any] = ()
    ) -> str | None:
        """Returns the stamp of a part's sources; None if the part is up to date."""
        # Before anything is read, so that later changes are noticed the next time.
        stamp = _stamp(files, more)
        return None if there and self._stamps.get(part) == stamp else stamp

    def _done(self, part: str, stamp: str) -> None:
        self._stamps[part] = stamp
        write_json(self._file, self._stamps)


class _Best(NamedTuple):
    """The epoch of the best validation AUC, from 1, the AUC, and the epochs so far."""

    epoch: int
    val_auc: float
    done: int


def _best_epoch(run: Run) -> _Best | None:
    """Returns the best epoch; None before the first epoch or without any AUC."""
    try:
        table = pd.read_csv(run.path / "history.csv")
        # nanargmax raises a ValueError if all values are NaN.
        at = int(np.nanargmax(table["val_auc"].to_numpy(np.float64)))
        epochs = table["epoch"].to_numpy(np.int64)
        return _Best(int(epochs[at]), float(table["val_auc"].iloc[at]), len(table))
    except (OSError, ValueError, KeyError):
        return None


def _stamp(files: Sequence[Path], more: Sequence[Any]) -> str:
    """Returns a text that changes if one of the files or other sources changes."""
    found: list[Any] = [__version__, _FORMAT, *more]
    for file in files:
        try:
            state = file.stat()
            found.append([file.name, state.st_size, state.st_mtime_ns])
        except OSError:
            found.append([file.name])
    return xxhash.xxh3_128_hexdigest(json.dumps(found).encode())


def _time_of(files: Sequence[Path]) -> float:
    """Returns the time of the latest file, seconds since 1970."""
    return max((file.stat().st_mtime for file in files if file.is_file()), default=0.0)


def _link(place: Path, target: Path) -> bool:
    """Makes `place` a link to a folder; returns false if the system refuses."""
    # Relative, so that the runs can be moved together with this folder.
    way = os.path.relpath(target.resolve(), place.parent.resolve())
    if place.is_symlink() and os.readlink(place) == way:
        return True
    if place.is_symlink():
        place.unlink()
    elif place.is_dir():
        shutil.rmtree(place)
    try:
        place.symlink_to(way, target_is_directory=True)
    except OSError:
        return False  # On Windows, users may lack the right.
    return True


def _claim(log_dir: Path) -> None:
    """Creates the folder; one with other files is refused, as they would be shown."""
    mark = log_dir / _MARK
    if log_dir.exists() and not log_dir.is_dir():
        raise UserError(f"{log_dir} is a file. Expected: a folder, or a new name.")
    if log_dir.is_dir() and any(log_dir.iterdir()) and not mark.is_file():
        raise UserError(
            f"{log_dir}. Received: a folder with other files; expected an empty or a "
            "new one, or one that this command has made."
        )
    log_dir.mkdir(parents=True, exist_ok=True)
    if not mark.exists():
        mark.touch()


def _remove_others(log_dir: Path, names: Collection[str]) -> None:
    """Removes the files of runs that are no longer shown."""
    for stamps in sorted(log_dir.rglob(_STAMPS)):
        name = stamps.parent.relative_to(log_dir).as_posix()
        if name not in names:
            # Errors are ignored: it may already be removed with its parent.
            shutil.rmtree(stamps.parent, ignore_errors=True)
