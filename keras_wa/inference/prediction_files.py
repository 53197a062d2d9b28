"""Predictions as a table, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

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

Record = Mapping[str, Any]
"""A prediction as JSON values, see `as_record`."""


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


def header_of(classifier: Classifier) -> dict[str, Any]:
    """Returns what holds for all predictions of a model, as JSON values."""
    decision = classifier.decision
    return {
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
    }


def to_json(header: Mapping[str, Any], records: Iterable[Record]) -> Iterator[str]:
    """Yields the text of a JSON file, a record at a time.

    Args:
        header: see `header_of`.
        records: see `as_record`; the value of the key `predictions`.
    """
    yield json.dumps(header, indent=2, allow_nan=False).removesuffix("\n}")
    yield ',\n  "predictions": ['
    between = "\n"
    for record in records:
        text = json.dumps(record, indent=2, allow_nan=False)
        yield between + textwrap.indent(text, "    ")
        between = ",\n"
    yield "\n  ]\n}\n"


def to_csv(records: Iterable[Record]) -> Iterator[str]:
    """Yields the lines of a CSV file; lists are joined, unknown values empty."""
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\n")
    for number, record in enumerate(records):
        row = dict(record)
        for name in ("box", "window"):
            sides = row.pop(name) or [None] * 4
            words = ("left", "top", "width", "height")
            row |= {f"{name}_{w}": side for w, side in zip(words, sides, strict=True)}
        row["probabilities"] = " ".join(map(str, row["probabilities"] or []))
        row["warnings"] = "; ".join(row["warnings"])
        if not number:
            writer.writerow(row)
        writer.writerow(
            printable(value) if isinstance(value, str) else value
            for value in row.values()
        )
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def to_table(records: Sequence[Record]) -> str:
    """Formats a table for the terminal."""
    ensemble = any(each["members_low"] is not None for each in records)
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
    for each in records:
        place = ", ".join(map(str, (each["box"] or [])[:2]))
        if each["error"]:
            empty = [""] * (5 if ensemble else 4)
            table.add_row(each["file"], place, *empty, "not classified")
            continue
        members = (
            [f"{each['members_low']:.3f} to {each['members_high']:.3f}"]
            if ensemble
            else []
        )
        decision = {True: "malignant", False: "benign", None: ""}[each["malignant"]]
        table.add_row(
            each["file"],
            place,
            f"{each['probability']:.3f}",
            f"{each['low']:.3f} to {each['high']:.3f}",
            *members,
            decision,
            each["prediction_set"] or "",
            "\n".join(each["warnings"]),
        )
    # Files and pipes have no width, so that lines are not wrapped.
    width = None if sys.stdout.isatty() else 200
    console = Console(width=width, file=io.StringIO(), markup=False, highlight=False)
    console.print(table)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.splitlines())


def write_text(path: Path, pieces: Iterable[str]) -> None:
    """Writes a text file atomically, with its folder; a device directly."""
    try:
        if path.exists() and not path.is_file():
            with path.open("w", encoding="utf-8") as device:
                device.writelines(pieces)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial, partial.open("w", encoding="utf-8") as file:
            file.writelines(pieces)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror or error}). Name another file."
        ) from error
