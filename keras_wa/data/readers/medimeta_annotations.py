"""MedIMeta's `annotations.csv`: patients and findings of each crop."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from keras_wa.data.readers.medimeta_files import AGAIN, TASK, Info
from keras_wa.data.tables import read_table
from keras_wa.errors import UserError

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
) -> tuple[dict[str, dict[str, Any]], list[tuple[str, str]], list[str]]:
    """Reads `annotations.csv`.

    Args:
        root: folder of the dataset.
        images: path and part of each image.
        labels: label of each image.
        info: content of `info.yaml`.

    Returns:
        Columns of a case table by the image's path; unusable lines with the reason;
        and notes. Without patient numbers, each image is its own patient.

    Raises:
        UserError: the table cannot be read, has other images, or contradicts the split
            or the labels.
    """
    file = root / "annotations.csv"
    alone = {path: {"patient_id": Path(path).stem} for path, _ in images}
    if not file.exists():
        return alone, [], [_no_patients(f"{file.name} is not there")]
    table = read_table(file, ("filepath",))
    frame = table.rows
    # The column is breast_density for masses, "breast density" for calcifications.
    plain = frame.columns.str.lower().str.replace("_", " ")
    names = pd.Index([_COLUMNS.get(*pair) for pair in zip(plain, frame, strict=True)])
    if names.has_duplicates:
        twice = frame.columns[names.duplicated()][0]
        raise UserError(
            f"{file}: column {twice!r} is there twice, perhaps in another spelling. "
            f"Expected: once. {AGAIN}"
        )
    own = {path: row for row, (path, _) in enumerate(images)}
    _check_paths(frame["filepath"], own, file)
    _check_same(frame, "split", [part for _, part in images], own, file)
    values = {label: str(value) for value, label in info.labels.items()}
    listed = [values[label] for label in labels]
    _check_same(frame, f"tasks/{TASK}", listed, own, file)
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
    listed_paths = set(frame["filepath"])
    found: dict[str, dict[str, Any]] = {}
    skipped = list(table.skipped)
    for line, record in zip(frame.index, frame.to_dict("records"), strict=True):
        row = {str(name): value for name, value in record.items()}
        reason = _fault(row)
        if reason:
            skipped.append((file.name, f"line {line}: {reason}"))
        else:
            found[row.pop("filepath")] = row
    skipped += [
        (path, f"no line of {file.name} is about it.")
        for path in own
        if path not in listed_paths
    ]
    return found, skipped, notes


def _check_paths(paths: pd.Series, own: Mapping[str, int], file: Path) -> None:
    """Raises an error if the table has other images or one image twice."""
    seen = set()
    for line, path in zip(paths.index, paths, strict=True):
        if path in own and path not in seen:
            seen.add(path)
            continue
        shown = "nothing" if pd.isna(path) else repr(path)
        raise UserError(
            f"{file}: line {line}, filepath. Received: {shown}"
            f"{' a second time' if path in seen else ''}; expected each path in "
            f"splits/ once. {AGAIN}"
        )


def _check_same(
    frame: pd.DataFrame,
    name: str,
    listed: list[str],
    own: Mapping[str, int],
    file: Path,
) -> None:
    """Raises an error if a column contradicts the dataset's other files."""
    if name not in frame:
        return
    where = "splits/" if name == "split" else f"task_labels/{TASK}.npy"
    for line, path, text in zip(
        frame.index, frame["filepath"], frame[name], strict=True
    ):
        if pd.notna(text) and text != listed[own[path]]:
            raise UserError(
                f"{file}: line {line}, {name} of {path}. Received: {text!r}; expected "
                f"{listed[own[path]]!r}, as {where} has it. {AGAIN}"
            )


def _fault(row: Mapping[Any, Any]) -> str | None:
    """Returns why a line cannot be used, or None."""
    if pd.isna(row["patient_id"]):
        return "patient_id. Received: nothing; expected a value, as other lines have."
    for name in _COUNTS:
        value = row.get(name)
        if pd.notna(value) and not re.fullmatch(r"\d", value):
            return f"{name}. Received: {value!r}; expected one digit, or nothing."
    return None


def _no_patients(reason: str) -> str:
    return (
        f"MedIMeta: {reason}, so each image counts as its own patient. Intervals and "
        "splits then do not respect patients, and are too good where one has several."
    )
