"""The run directory: the files of a training run."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import platform
import sys
from collections.abc import Sequence
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from keras_wa import __version__
from keras_wa.cores import usable_cores
from keras_wa.errors import UserError
from keras_wa.files import make_folder, replacing, write_json
from keras_wa.phantom.spec import PHANTOM_VERSION
from keras_wa.training.config import TrainConfig
from keras_wa.training.defaults import settled
from keras_wa.training.fingerprint import PLACES
from keras_wa.training.hardware import describe_devices

FORMAT = 2
_SPLIT_COLUMNS = ["roi_id", "patient_id", "label", "split"]
_PIXELS = "pixels"

_PACKAGES = ("keras", "tensorflow", "jax", "jaxlib", "numpy", "opencv-python-headless")


@dataclasses.dataclass(frozen=True)
class Run:
    """Paths and records of one run directory.

    Attributes:
        path: the directory, with `config.json, environment.json, split.csv,
            history.csv, tensorboard/, checkpoints/, best.keras, saved_model/,
            evaluation/`.
        config: settings of the run.
        made: whether `create` made the directory.
    """

    path: Path
    config: TrainConfig
    made: bool = dataclasses.field(default=False, compare=False)

    @classmethod
    def create(cls, run_dir: str | Path | None, config: TrainConfig) -> Run:
        """Creates the directory of a new run. `begin` writes the first files.

        Args:
            run_dir: the directory, or `None` for `runs/<model>-<dataset>-<time>`.
            config: settings of the run; `keras_wa.training.defaults.settled` resolves
                `"auto"` and `None`.

        Raises:
            UserError: the directory exists and is not empty, or cannot be created.
        """
        if run_dir is None:
            time = datetime.now().strftime("%Y%m%d-%H%M%S")
            run_dir = Path("runs") / f"{config.model}-{config.dataset}-{time}"
        path = Path(run_dir)
        try:
            str(path).encode()
        except UnicodeEncodeError as error:
            raise UserError(
                f"{path!r}: the run directory. Received: a name that is not UTF-8; "
                "expected UTF-8, which TensorFlow needs. Name another `run_dir`."
            ) from error
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise UserError(
                f"{path} already exists. Give `resume=True` to continue its training, "
                "or name another `run_dir`."
            )
        config = settled(config)
        made = not path.exists()
        make_folder(path, "run_dir")
        return cls(path, config, made)

    def give_up(self) -> None:
        """Removes the run's directory if it was created for the run and is empty."""
        if self.made:
            with contextlib.suppress(OSError):  # Not empty: the run has begun.
                self.path.rmdir()

    def begin(self, cases: pd.DataFrame, pixels: Sequence[str]) -> None:
        """Writes environment, split and config, before the first step.

        `config.json` is written last: a directory with it has the other files too.

        Args:
            cases: the run's case table with its split.
            pixels: digest of the pixels of each ROI, in the order of the table.
        """
        write_json(self.path / "environment.json", describe_environment())
        with replacing(self.path / "split.csv") as partial:
            table = cases[_SPLIT_COLUMNS].assign(**{_PIXELS: list(pixels)})
            table.to_csv(partial, index=False)
        self._write_config(self.config)

    def update_paths(self) -> None:
        """Updates the paths of the data in `config.json`."""
        kept = Run.open(self.path).config
        places = {field: getattr(self.config, field) for field in PLACES}
        moved = dataclasses.replace(kept, **places)
        if moved != kept:
            self._write_config(moved)

    def _write_config(self, config: TrainConfig) -> None:
        record = {"format": FORMAT, **config.to_mapping()}
        write_json(self.path / "config.json", record)

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Opens an existing run.

        Raises:
            UserError: not a run directory, or written by an unsupported version.
        """
        path = Path(path)
        file = path / "config.json"
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError(
                f"{path} is not a run directory: config.json cannot be read "
                f"({error.strerror}). Give the directory of a training."
            ) from error
        except ValueError as error:
            raise UserError(f"{file}: not JSON ({error}). Train again.") from error
        found = record.pop("format", None) if isinstance(record, dict) else None
        if isinstance(record, dict) and "kind" in record:
            raise UserError(
                f"{path} is a preset, not a run directory. Give the directory of a "
                "training; `MammogramClassifier.from_preset` opens presets."
            )
        if found != FORMAT:
            raise UserError(
                f"{path} was written by another version of keras_wa: its format is "
                f"{found!r}, expected {FORMAT}. Train again."
            )
        return cls(path, TrainConfig.from_mapping(record, str(file)))

    @classmethod
    def newest(cls, root: str | Path = "runs") -> Path:
        """Finds the run directory under `root` that was changed last.

        Raises:
            UserError: there is none.
        """
        configs = sorted(Path(root).glob("*/config.json"), key=os.path.getmtime)
        if not configs:
            raise UserError(f"No run to resume under {root}/. Give `run_dir`.")
        return configs[-1].parent

    @property
    def best(self) -> Path:
        """The model of the epoch with the best validation AUC."""
        return self.path / "best.keras"

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def tensorboard(self) -> Path:
        """The folder of TensorBoard's logs."""
        return self.path / "tensorboard"

    @property
    def saved_model(self) -> Path:
        """The folder of the exported SavedModel."""
        return self.path / "saved_model"

    def evaluation(self, split: str) -> Path:
        """Returns the folder of the evaluation on one part of the split."""
        return self.path / "evaluation" / split

    def require_same_data(
        self,
        cases: pd.DataFrame,
        pixels: Sequence[str],
        allow_changed_data: bool = False,
    ) -> list[str]:
        """Checks that the ROIs and their split are those of the run.

        This prevents testing on ROIs of the training part, or on other images.

        Args:
            cases: a case table with its split.
            pixels: digest of the pixels of each ROI, in the order of the table.
            allow_changed_data: whether to accept changed pixels, but nothing else.

        Returns:
            Sentences to show with every result: that pixels have changed.

        Raises:
            UserError: an ROI, its patient, label or part of the split has changed; or
                its pixels have, unless that is allowed.
        """
        file, then = self.path / "split.csv", self._split()
        now = cases[_SPLIT_COLUMNS].astype(str)
        before, after = (
            set(map(tuple, table.reindex(columns=_SPLIT_COLUMNS).to_numpy()))
            for table in (then, now)
        )
        if before != after:
            raise UserError(
                f"{file}: the ROIs or their split are no longer those of the run. "
                f"Received: {len(after)} ROIs, with {len(before - after)} of the "
                f"{len(before)} ROIs of the file changed or gone. Restore the data, or "
                "train again."
            )
        recorded = self.pixels()
        changed = [
            roi
            for roi, digest in zip(now["roi_id"], pixels, strict=True)
            if recorded[roi] != digest
        ]
        if not changed:
            return []
        found = (
            f"{len(changed)} of {len(now)} ROIs have different pixels than in the "
            f"training, the first {changed[0]!r}"
        )
        if self.config.dataset == "phantom":
            found += f" (the phantom is now drawn as version {PHANTOM_VERSION})"
        if not allow_changed_data:
            raise UserError(
                f"{file}: {found}. Restore the data, or train again. "
                "`allow_changed_data=True` continues, with a note in every result."
            )
        return [f"Changed data: {found}. The numbers are not of the run's own data."]

    def pixels(self) -> dict[str, str]:
        """Returns the digest of each ROI's pixels in the training, by ROI.

        Raises:
            UserError: `split.csv` cannot be read.
        """
        then = self._split()
        return dict(zip(then["roi_id"], then[_PIXELS], strict=True))

    def _split(self) -> pd.DataFrame:
        file = self.path / "split.csv"
        try:
            columns = [*_SPLIT_COLUMNS, _PIXELS]
            return pd.read_csv(file, dtype=str, keep_default_na=False, usecols=columns)
        except (OSError, ValueError) as error:
            raise UserError(
                f"{file}: cannot be read ({error}). Train again."
            ) from error

    def environment(self) -> dict[str, Any]:
        """Reads the recorded environment of the training; empty without the file."""
        path = self.path / "environment.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def note_devices(self) -> None:
        """Records this process's devices as those of the training."""
        environment = {**self.environment(), "devices": describe_devices()}
        write_json(self.path / "environment.json", environment)

    def write_history(self, history: list[dict[str, float]]) -> None:
        """Writes `history.csv`, one row per epoch."""
        with replacing(self.path / "history.csv") as partial:
            pd.DataFrame(history).to_csv(partial, index=False)

    def require_best(self) -> Path:
        """Returns the path of `best.keras`.

        Raises:
            UserError: no epoch was completed yet.
        """
        if not self.best.is_file():
            raise UserError(
                f"{self.path} has no best.keras: no epoch was completed. Resume it: "
                f"`train(run={str(self.path)!r}, resume=True)`"
            )
        return self.best


def read_history(run_dir: Path) -> list[dict[Any, Any]]:
    """Reads the rows of `history.csv`; none before the first epoch."""
    file = run_dir / "history.csv"
    return pd.read_csv(file).to_dict("records") if file.is_file() else []


def describe_environment() -> dict[str, Any]:
    """Returns the versions, machine and command line that results depend on."""
    versions = {"keras_wa": __version__}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "command": sys.argv,
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": usable_cores(),
        "devices": describe_devices(),
        "backend": keras.backend.backend(),
        "packages": versions,
    }
