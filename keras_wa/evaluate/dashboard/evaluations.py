"""Converts the evaluation of a run to summaries for TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from keras_wa.errors import UserError
from keras_wa.evaluate.dashboard import events
from keras_wa.evaluate.report import curves
from keras_wa.evaluate.report.mistakes import RECORD, Mistakes, read_mistakes
from keras_wa.evaluate.text import estimate
from keras_wa.explain.figures import gallery

SPLITS = ("test", "val")
FILES = ("metrics.json", "predictions.csv", RECORD)
"""The files of an evaluation. An older one has no record of its mistakes."""

BEST = "best/val_auc"
_TITLES = {
    "auc": "AUC",
    "auprc": "average precision",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
}
METRICS = {
    BEST: "validation AUC, best epoch",
    **{f"test/{key}": f"test {title}" for key, title in _TITLES.items()},
}
"""Tag -> title of the metrics for comparing runs."""


def read_metrics(folder: Path) -> dict[str, Any]:
    """Reads `metrics.json` of an evaluation."""
    file = folder / FILES[0]
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        float(record["threshold"]["value"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(file, error) from error
    return dict(record)


def summaries(folder: Path, split: str) -> list[Any]:
    """Returns the summaries of `evaluation/<split>`: numbers, curve and images."""
    results = read_metrics(folder)
    try:
        predictions = pd.read_csv(folder / FILES[1], converters={"probability": float})
        found = list(_numbers(results, split))
        labels = predictions["label"].to_numpy(np.int64)
        if len(set(labels)) == 2:
            probabilities = predictions["probability"].to_numpy(np.float64)
            curve = events.precision_recall(labels, probabilities)
            says = f"Malignant against the rest, on the {split} part."
            found.append(events.pr_curve(f"{split}/malignant", curve, says))
        for plot in curves.plots(results, predictions):
            tag = f"{split}/{plot.title}"
            found.append(events.image(tag, plot.draw(), plot.description))
        if (folder / RECORD).is_file():
            found += _mistakes(read_mistakes(folder), split)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(folder, error) from error
    return found


def _numbers(results: Mapping[str, Any], split: str) -> Iterator[Any]:
    for key, title in _TITLES.items():
        found = results["metrics"].get(key)
        if found is not None and found["value"] is not None:
            says = f"{title} on the {split} part: {estimate(found)}."
            yield events.scalar(f"{split}/{key}", found["value"], says)


def _mistakes(mistakes: Mistakes, split: str) -> Iterator[Any]:
    kinds = {"missed malignant": mistakes.missed, "false alarms": mistakes.false_alarms}
    for name, chosen in kinds.items():
        if chosen:
            captions = [[each.roi_id, *each.caption.split("; ")] for each in chosen]
            shown = [each.pictures for each in chosen]
            rows = zip(map("\n".join, captions), shown, strict=True)
            tag = f"{split}/most confident mistakes, {name}"
            yield events.image(tag, gallery(list(rows)))


def _unreadable(path: Path, error: Exception) -> UserError:
    return UserError(
        f"{path}: the evaluation cannot be read ({error}). Evaluate the run again "
        "with `evaluate_run`."
    )
