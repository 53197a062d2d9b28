"""Reads and checks the results of a comparison's runs."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_wa.data.lesions import name_unknown_lesions
from keras_wa.errors import UserError
from keras_wa.evaluate.levels import aggregate
from keras_wa.metrics import apply_temperature
from keras_wa.training.config import TrainConfig
from keras_wa.training.run import Run


@dataclasses.dataclass(frozen=True)
class RunResult:
    """Results of one evaluated run, or of one seed on all folds.

    Attributes:
        path: the run directory.
        config: configuration of the run, or of the first fold's run.
        split_hash: hash of the ROIs and their parts of the split.
        split_origin: origin of the split, see `keras_wa.data.splits.split_origin`; in
            an older evaluation the setting `split` of the run.
        pixels_hash: hash of the pixels of these ROIs; None in an older evaluation.
        predictions: `roi_id, patient_id, label, probability, threshold, calibrated`,
            one row per ROI, sorted by `roi_id`, and the columns of the levels if known.
            The threshold was chosen on validation, and the temperature of the
            calibrated probability; NaN if there is none.
        history: one row per epoch.
        notes: notes that accompany every result.
        hardware: hardware and Keras backend of the training.
    """

    path: Path
    config: TrainConfig
    split_hash: str
    split_origin: str
    pixels_hash: str | None
    predictions: pd.DataFrame
    history: pd.DataFrame
    notes: list[str]
    hardware: str


def read_result(path: Path, part: str = "test") -> RunResult:
    """Reads a run that was evaluated on a part of the split, `val` or `test`."""
    run = Run.open(path)
    folder = run.evaluation(part)
    try:
        record = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        predictions = pd.read_csv(
            folder / "predictions.csv",
            dtype={"roi_id": str, "patient_id": str},
            converters={"probability": float},
            keep_default_na=False,
        )
        history = pd.read_csv(path / "history.csv")
        threshold, split_hash = record["threshold"]["value"], record["split_hash"]
        temperature = record["calibration"]["temperature"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{folder}: the evaluation cannot be read ({error}). Evaluate it: "
            f"`evaluate_run(run={str(path)!r}, split={part!r})`"
        ) from error
    finite = np.isfinite(predictions["probability"])
    if not finite.all():
        name = predictions["roi_id"][~finite].iloc[0]
        raise UserError(
            f"{folder / 'predictions.csv'}: the probability of ROI {name!r} is not a "
            "number. Evaluate the run again."
        )
    calibrated = (
        np.nan
        if temperature is None
        else apply_temperature(predictions["probability"], temperature)
    )
    return RunResult(
        path=path,
        config=run.config,
        split_hash=split_hash,
        split_origin=record.get("split_origin", run.config.split),
        pixels_hash=record.get("pixels_hash"),
        predictions=predictions.assign(
            threshold=float(threshold), calibrated=calibrated
        ).sort_values("roi_id", ignore_index=True),
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


def pool_folds(results: Sequence[RunResult]) -> list[RunResult]:
    """Concatenates the predictions of a system's folds, for one result per seed."""
    seeds: dict[int, list[RunResult]] = {}
    for each in sorted(results, key=lambda run: run.config.fold):
        seeds.setdefault(each.config.seed, []).append(each)
    return [_pooled(runs) for runs in seeds.values()]


def _pooled(runs: Sequence[RunResult]) -> RunResult:
    if len(runs) == 1:
        return runs[0]
    pixels = [run.pixels_hash for run in runs]
    first, folds = runs[0].config, ", ".join(str(run.config.fold) for run in runs)
    origin = f"{first.split}, folds {folds} of 0 to {first.folds - 1}"
    return dataclasses.replace(
        runs[0],
        split_hash=_joint(run.split_hash for run in runs),
        split_origin=f"{origin} (seed {first.data_seed})",
        pixels_hash=None if None in pixels else _joint(map(str, pixels)),
        predictions=pd.concat([run.predictions for run in runs]).sort_values(
            "roi_id", ignore_index=True, kind="stable"
        ),
        history=pd.concat([run.history for run in runs]),
        notes=list(dict.fromkeys(note for run in runs for note in run.notes)),
    )


def by_lesion(result: RunResult) -> RunResult | None:
    """Returns the result with one row per lesion; None if a breast is unknown.

    An ROI whose lesion is unknown is a separate lesion, whatever the run's views.
    Its probability is the maximum of its ROIs, which are equal with `views="two"`.
    """
    rois = result.predictions.replace({"breast": "", "lesion": ""}, pd.NA)
    if "lesion" in rois:
        # As in runs of two views, which give such ROIs a separate lesion.
        rois["lesion"] = name_unknown_lesions(rois["lesion"], rois["roi_id"])
    found = aggregate(rois, "lesion").table
    scaled = aggregate(rois.assign(probability=rois["calibrated"]), "lesion").table
    if found is None or scaled is None:
        return None
    found["calibrated"] = scaled["probability"]
    names = found["patient_id"] + "_" + found["breast"] + "_" + found["lesion"].map(str)
    table = found.assign(roi_id=names, threshold=rois["threshold"].iloc[0])
    return dataclasses.replace(
        result, predictions=table.sort_values("roi_id", ignore_index=True)
    )


def _joint(hashes: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()[:12]


def require_one_split(results: Iterable[RunResult]) -> None:
    """Checks that all runs were tested on the same ROIs, split in the same way.

    At the same `image_size` the ROIs must have the same pixels.
    """
    first, *others = results
    sizes = {first.config.image_size: first}
    for other in others:
        if other.split_hash != first.split_hash or not _same_rois(first, other):
            raise UserError(
                f"{other.path} has a different split than {first.path}. Received: "
                f"{other.split_hash}; expected {first.split_hash}. Results on "
                "different splits cannot be compared."
            )
        same = sizes.setdefault(other.config.image_size, other)
        known = other.pixels_hash and same.pixels_hash
        if known and other.pixels_hash != same.pixels_hash:
            raise UserError(
                f"{other.path} was tested on different images than {same.path}, of the "
                f"same names. Received: {other.pixels_hash}; expected "
                f"{same.pixels_hash}. Evaluate both on the same data."
            )


def _same_rois(first: RunResult, other: RunResult) -> bool:
    columns = ["roi_id", "patient_id", "label"]
    return first.predictions[columns].equals(other.predictions[columns])


def stack(results: Sequence[RunResult]) -> tuple[NDArray, NDArray]:
    """Returns probabilities and thresholds of a system's runs, both `(seeds, n)`."""
    probabilities, thresholds = (
        np.stack([each.predictions[name].to_numpy(np.float64) for each in results])
        for name in ("probability", "threshold")
    )
    return probabilities, thresholds
