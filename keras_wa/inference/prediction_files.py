"""Predictions as a table, JSON and CSV."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from keras_wa import __version__
from keras_wa.errors import UserError
from keras_wa.export.cards import DISCLAIMER
from keras_wa.files import printable, replacing
from keras_wa.inference.classifier import Classifier
from keras_wa.inference.predicting import Prediction

FORMAT = 2


def as_record(prediction: Prediction) -> dict[str, Any]:
    """Returns a prediction as JSON values, None if unknown."""
    target = prediction.target
    good = not prediction.error
    lesion = target.box
    return {
        "file": str(target.file),
        "box": (
            None
            if lesion is None
            else [lesion.left, lesion.top, lesion.width, lesion.height]
        ),
        "mask": None if target.mask is None else str(target.mask),
        "detector_score": target.score,
        "window": None if prediction.window is None else list(prediction.window),
        "pixel_spacing_mm": prediction.spacing_mm,
        "spacing_from": prediction.spacing_from or None,
        "probability": prediction.probability if good else None,
        "low": prediction.low if good else None,
        "high": prediction.high if good else None,
        "members_low": prediction.members_low,
        "members_high": prediction.members_high,
        "malignant": prediction.malignant,
        "threshold": prediction.threshold,
        "prediction_set": prediction.prediction_set or None,
        "probabilities": list(prediction.probabilities) if good else None,
        "warnings": list(prediction.warnings),
        "error": prediction.error or None,
    }


def to_json(classifier: Classifier, predictions: Sequence[Prediction]) -> str:
    """Returns all predictions and their model as JSON values."""
    decision = classifier.decision
    record = {
        "format": FORMAT,
        "keras_wa": __version__,
        "model": str(classifier.source),
        "labels": list(classifier.labels),
        "trained_on": classifier.trained_on,
        "calibrated": decision is not None,
        "threshold_rule": None if decision is None else decision.rule,
        "prediction_set_coverage": classifier.prediction_set_coverage,
        "low_high": "least and greatest probability over turned and mirrored copies of "
        "the ROI; no confidence interval",
        "members_low_high": "least and greatest probability of an ensemble's members",
        "notes": [*classifier.notes, DISCLAIMER],
        "predictions": [as_record(each) for each in predictions],
    }
    return json.dumps(record, indent=2, allow_nan=False) + "\n"


def to_csv(predictions: Sequence[Prediction]) -> str:
    """Returns one line per prediction; lists are joined, unknown values empty."""
    rows = []
    for prediction in predictions:
        record = as_record(prediction)
        for name in ("box", "window"):
            sides = record.pop(name) or [None] * 4
            words = ("left", "top", "width", "height")
            record |= {
                f"{name}_{word}": side for word, side in zip(words, sides, strict=True)
            }
        record["probabilities"] = " ".join(map(str, record["probabilities"] or []))
        record["warnings"] = "; ".join(record["warnings"])
        texts = {k: printable(v) for k, v in record.items() if isinstance(v, str)}
        rows.append({**record, **texts})
    text = io.StringIO()
    # Integers stay integers beside missing values.
    pd.DataFrame(rows).convert_dtypes().to_csv(text, index=False)
    return text.getvalue()


def to_table(predictions: Sequence[Prediction]) -> str:
    """Formats a table for the terminal."""
    ensemble = any(each.members_low is not None for each in predictions)
    table = Table(box=box.SIMPLE)
    table.add_column("file", overflow="fold")
    for name in (
        "lesion at",
        "p(malignant)",
        "spread over copies",
        *(["spread over members"] if ensemble else []),
        "decision",
        "prediction set",
        "notice",
    ):
        table.add_column(name, overflow="fold")
    for each in predictions:
        lesion = each.target.box
        place = "" if lesion is None else f"{lesion.left}, {lesion.top}"
        if each.error:
            empty = [""] * (5 if ensemble else 4)
            table.add_row(str(each.target.file), place, *empty, "not classified")
            continue
        members = (
            [f"{each.members_low:.3f} to {each.members_high:.3f}"] if ensemble else []
        )
        decision = {True: "malignant", False: "benign", None: ""}[each.malignant]
        table.add_row(
            str(each.target.file),
            place,
            f"{each.probability:.3f}",
            f"{each.low:.3f} to {each.high:.3f}",
            *members,
            decision,
            each.prediction_set,
            "\n".join(each.warnings),
        )
    # Files and pipes have no width, so that lines are not wrapped.
    width = None if sys.stdout.isatty() else 200
    console = Console(width=width, file=io.StringIO(), markup=False, highlight=False)
    console.print(table)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.splitlines())


def write_text(path: Path, text: str) -> None:
    """Writes a text file atomically, with its folder; a device directly."""
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror or error}). Name another file."
        ) from error
