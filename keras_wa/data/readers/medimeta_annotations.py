"""MedIMeta's `annotations.csv`: patients and findings of each crop."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from keras_wa.data.finalizing import Skipped
from keras_wa.data.readers.medimeta_files import TASK, Info, not_as_published
from keras_wa.data.tables import read_table

_COLUMNS = {
    "patient id": "patient_id",
    "left or right breast": "breast",
    "image view": "view",
    "abnormality id": "lesion",
    "breast density": "density",
    "assessment": "assessment",
    "subtlety": "subtlety",
    "calc type": "morphology",
    "calc distribution": "distribution",
    "mass shape": "morphology",
    "mass margins": "distribution",
}
_COUNTS = ("density", "assessment", "subtlety")


def read_annotations(
    root: Path, images: list[tuple[str, str]], labels: list[int], info: Info
) -> tuple[dict[str, dict[str, Any]], Skipped, list[str]]:
    """Reads `annotations.csv`; `images` are path and part of each image.

    Returns:
        Columns of a case table by the image's path; unusable lines with the reason;
        and notes. Without patient numbers, each image is its own patient.
    """
    file = root / "annotations.csv"
    alone = {path: {"patient_id": Path(path).stem} for path, _ in images}
    if not file.exists():
        return alone, [], [_no_patients(f"{file.name} is missing")]
    table = read_table(file, ("filepath",))
    frame = table.rows
    values = {label: str(value) for value, label in info.labels.items()}
    known = pd.DataFrame(images, columns=["filepath", "split"])
    known[f"tasks/{TASK}"] = [values[label] for label in labels]
    _check_same(frame, known.set_index("filepath"), file)
    # The column is breast_density for masses, "breast density" for calcifications.
    plain = frame.columns.str.lower().str.replace("_", " ")
    names = pd.Index([_COLUMNS.get(*pair) for pair in zip(plain, frame, strict=True)])
    if names.has_duplicates:
        twice = frame.columns[names.duplicated()][0]
        raise not_as_published(
            file, "columns", f"{twice!r} in two spellings", "one of them"
        )
    frame = frame.set_axis(names, axis="columns")
    frame = frame[names.intersection(["filepath", *_COLUMNS.values()])]
    for name in frame.columns.intersection([*_COUNTS, "lesion"]):
        # pandas writes integers as 3.0 if a value of the column is missing.
        frame[name] = frame[name].str.replace(r"\.0+$", "", regex=True)
    for name in frame.columns.intersection(["density", "subtlety"]):
        # In CBIS-DDSM 0 means missing.
        frame[name] = frame[name].replace("0", pd.NA)
    notes = []
    if "patient_id" not in frame or frame["patient_id"].isna().all():
        notes = [_no_patients(f"{file.name} has no patient_id")]
        frame["patient_id"] = [Path(path).stem for path in frame["filepath"]]
    found: dict[str, dict[str, Any]] = {}
    skipped = list(table.skipped)
    for line, record in zip(frame.index, frame.to_dict("records"), strict=True):
        row = {str(name): value for name, value in record.items()}
        reason = _fault(row)
        if reason:
            skipped.append((file.name, f"line {line}: {reason}"))
        else:
            found[row.pop("filepath")] = row
    listed = set(frame["filepath"])
    skipped += [
        (path, f"no line of {file.name} is about it.")
        for path in alone
        if path not in listed
    ]
    return found, skipped, notes


def _check_same(frame: pd.DataFrame, known: pd.DataFrame, file: Path) -> None:
    """Raises an error if the table contradicts the dataset's other files."""
    paths = frame["filepath"]
    listed = known.reindex(paths).set_axis(frame.index)
    twice = paths.duplicated()
    odd = paths[listed["split"].isna() | twice]
    if len(odd):
        raise not_as_published(
            file,
            f"line {odd.index[0]}, filepath",
            f"{odd.iloc[0]}{' a second time' if twice[odd.index[0]] else ''}",
            "each path in splits/ once",
        )
    for name in listed.columns.intersection(frame.columns):
        for line in frame.index[frame[name].notna() & (frame[name] != listed[name])]:
            raise not_as_published(
                file,
                f"line {line}, {name} of {paths[line]}",
                repr(frame.at[line, name]),
                f"{listed.at[line, name]!r}, as splits/ and task_labels/ have it",
            )


def _fault(row: Mapping[Any, Any]) -> str | None:
    """Returns why a line cannot be used, or None."""
    if pd.isna(row["patient_id"]):
        return "patient_id. Received: nothing; expected a value, as in other lines."
    for name in _COUNTS:
        value = row.get(name)
        if pd.notna(value) and not re.fullmatch(r"\d", value):
            return f"{name}. Received: {value!r}; expected one digit, or nothing."
    return None


def _no_patients(reason: str) -> str:
    return (
        f"MedIMeta: {reason}, so each image counts as a patient. Where a patient has "
        "several, splits leak and intervals are too narrow."
    )
