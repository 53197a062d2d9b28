"""What each run of a comparison left behind, read back and checked."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_wa.errors import UserError
from keras_wa.training.run import Run


@dataclasses.dataclass(frozen=True)
class RunResult:
    """One evaluated run.

    Attributes:
        path: the run directory.
        seed: of the run.
        split_hash: names the ROIs and their parts.
        split_origin: what the split is, see `keras_wa.datasets.split_origin`; in an
            older evaluation the setting `split` of the run.
        pixels_hash: names the pixels of the test ROIs; `None` in an older evaluation.
        threshold: chosen on validation.
        test: `roi_id, patient_id, label, probability`, one row an ROI, sorted by
            `roi_id`.
        history: one row an epoch.
        notes: what has to be said beside every result.
        hardware: what it was trained on, and with which backend of Keras.
    """

    path: Path
    seed: int
    split_hash: str
    split_origin: str
    pixels_hash: str | None
    threshold: float
    test: pd.DataFrame
    history: pd.DataFrame
    notes: list[str]
    hardware: str

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Of malignant, `(n,)`, in the order of `test`."""
        return self.test["probability"].to_numpy(np.float64)


def read_result(path: Path) -> RunResult:
    """Reads an evaluated run.

    Raises:
        UserError: the run is not evaluated, or a file of it cannot be read.
    """
    run = Run.open(path)
    folder = run.evaluation("test")
    try:
        record = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        test = pd.read_csv(
            folder / "predictions.csv",
            dtype={"roi_id": str, "patient_id": str},
            converters={"probability": float},
            keep_default_na=False,
        )
        history = pd.read_csv(path / "history.csv")
        threshold, split_hash = record["threshold"]["value"], record["split_hash"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{folder}: no evaluation that can be read ({error}). Evaluate it: "
            f"python evaluate.py {path}"
        ) from error
    if not np.isfinite(test["probability"]).all():
        name = test["roi_id"][~np.isfinite(test["probability"])].iloc[0]
        raise UserError(
            f"{folder / 'predictions.csv'}: the probability of ROI {name!r} is no "
            "number. Evaluate the run again."
        )
    return RunResult(
        path=path,
        seed=run.config.seed,
        split_hash=split_hash,
        split_origin=record.get("split_origin", run.config.split),
        pixels_hash=record.get("pixels_hash"),
        threshold=float(threshold),
        test=test.sort_values("roi_id", ignore_index=True),
        history=history,
        notes=record.get("notes", []),
        hardware=_hardware(run),
    )


def _hardware(run: Run) -> str:
    try:
        there = run.environment()
        return f"{there['devices']}, {there['backend']}"
    except (OSError, ValueError, TypeError, KeyError):
        return "hardware not recorded"


def require_one_split(results: Iterable[RunResult]) -> None:
    """Checks that all runs were tested on the same ROIs, split in the same way.

    Raises:
        UserError: two of them were not, or their ROIs had other pixels; the message
            names both.
    """
    first, *others = results
    for other in others:
        if other.split_hash != first.split_hash or not _same_rois(first, other):
            raise UserError(
                f"{other.path} has another split than {first.path}. Received: "
                f"{other.split_hash}; expected {first.split_hash}. Results on "
                "different splits cannot be compared."
            )
        known = other.pixels_hash and first.pixels_hash
        if known and other.pixels_hash != first.pixels_hash:
            raise UserError(
                f"{other.path} was tested on other images than {first.path}, under the "
                f"same names. Received: {other.pixels_hash}; expected "
                f"{first.pixels_hash}. Evaluate both on the same data."
            )


def _same_rois(first: RunResult, other: RunResult) -> bool:
    columns = ["roi_id", "patient_id", "label"]
    return first.test[columns].equals(other.test[columns])


def stack(results: Sequence[RunResult]) -> tuple[NDArray, NDArray]:
    """Probabilities `(seeds, n)` and thresholds `(seeds,)` of one system's runs."""
    return (
        np.stack([each.probabilities for each in results]),
        np.array([each.threshold for each in results]),
    )
