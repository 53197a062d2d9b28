"""The dataset `csv`: a table of images, with optional masks or boxes."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import pandas as pd

from keras_wa.data.case_table import COLUMNS, PARTS
from keras_wa.data.cropping import box_of, cut_roi
from keras_wa.data.dataset import Dataset, Roi
from keras_wa.data.duplicates import one_name_note
from keras_wa.data.finalizing import (
    Row,
    Skipped,
    build_dataset,
    refuse_official_crops,
)
from keras_wa.data.io.spacing import CREDIBLE_MM
from keras_wa.data.options import ReadOptions
from keras_wa.data.tables import read_table, stays_below, with_slashes
from keras_wa.errors import UserError
from keras_wa.progress import track

REQUIRED = ("path", "label", "patient")
"""The required columns."""

_RENAMED = {"path": "image_path", "patient": "patient_id", "mask": "mask_path"}
_KNOWN = [name for name in COLUMNS if name != "crop_path"]
_LABELS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "benign": 0, "malignant": 1}
_TYPES = {name: name for name in ("calcification", "mass", "calcification+mass")}
_BOX = ("box_left", "box_top", "box_width", "box_height")
_COUNTS = (*_BOX, "density", "assessment", "subtlety")
_PARTS = {**{part: part for part in PARTS}, "validation": "val", "valid": "val"}


def read_csv_table(
    data_dir: str | os.PathLike[str], options: ReadOptions, seed: int = 0
) -> Dataset:
    """Reads a table of images: one row per ROI; `data/csv.md` describes it.

    `data_dir` is a CSV file, or a folder with exactly one. Paths in it are relative to
    its folder. `crop` applies to the mask or box; `lesion` to `lesion_type`, if given.

    Raises:
        UserError: there is not exactly one CSV file, it lacks a column, `crop` is
            `official` with a mask or a box, or nothing is left.
    """
    file = _find_table(Path(data_dir))
    root = file.parent
    table = read_table(file, REQUIRED)
    frame = table.rows.rename(columns=_RENAMED)
    unknown = [name for name in frame.columns if name not in _KNOWN]
    frame = _check_columns(frame.drop(columns=unknown), file)
    notes = [f"Columns that were not read: {', '.join(unknown)}."] if unknown else []
    if frame["mask_path"].notna().any() or frame["box_left"].notna().any():
        refuse_official_crops(options, "a table of images")
    notes += _part_by_slashes(frame, root, options.require_files)
    rows, bad, lost = _check_rows(frame, file.name, root, options.require_files)

    def read(row: pd.Series) -> Roi:
        mask, spacing = row["mask_path"], row["pixel_spacing_mm"]
        return cut_roi(
            root,
            row["image_path"],
            options,
            box=box_of(row),
            mask=None if pd.isna(mask) else mask,
            listed_spacing_mm=None if pd.isna(spacing) else float(spacing),
        )

    dataset = build_dataset(
        "csv",
        root,
        rows,
        read,
        options,
        seed,
        skipped=[*table.skipped, *bad],
        notes=notes,
        lost=lost,
        lesion=None if any(row["lesion_type"] for row in rows) else "all",
        unstated="rows without a type",
        table=file,
    )
    dataset.notes.extend(one_name_note(dataset.cases["image_path"]))
    return dataset


def _find_table(place: Path) -> Path:
    if place.is_file():
        return place
    try:
        found = sorted(
            path
            for path in place.iterdir()
            if path.suffix.lower() == ".csv" and not path.name.startswith(".")
        )
    except OSError as error:
        raise UserError(
            f"{place}: cannot be opened ({error.strerror or error}). Expected: a CSV "
            "file, or a folder with one; check `data_dir`."
        ) from error
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise UserError(
            f"{place}: CSV files. Received: {len(found)} ({names}); expected exactly "
            "one. Name the file with `data_dir`."
        )
    return found[0]


def _check_columns(frame: pd.DataFrame, file: Path) -> pd.DataFrame:
    """Adds the case table's columns, without an absent `split` or `roi_id`."""
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise UserError(
            f"{file}: column {twice[0]!r} is repeated, once under a short name. "
            "Expected: once."
        )
    boxes = [name for name in _BOX if name in frame]
    if boxes and len(boxes) < len(_BOX):
        raise UserError(
            f"{file}: columns of the box. Received: {', '.join(boxes)}; expected all "
            f"of {', '.join(_BOX)}."
        )
    optional = [name for name in _KNOWN if name not in ("split", "roi_id")]
    return frame.reindex(columns=[*dict.fromkeys([*frame.columns, *optional])])


def _part_by_slashes(frame: pd.DataFrame, root: Path, must_exist: bool) -> list[str]:
    """Converts paths from Windows to `/`, and notes their number."""
    changed: list[str] = []
    for key in ("image_path", "mask_path"):
        old = frame[key]
        new = old.map(
            lambda path: with_slashes(path, root, must_exist), na_action="ignore"
        )
        changed += list(old[old.notna() & (old != new)])
        frame[key] = new
    if not changed:
        return []
    return [
        f"Backslashes were read as / in {len(changed)} paths, such as {changed[0]}."
    ]


def _check_rows(
    frame: pd.DataFrame, name: str, root: Path, require_files: bool
) -> tuple[list[Row], Skipped, list[Row]]:
    """Returns valid rows, the others with the reason, and lost ROIs.

    An ROI is lost with an invalid row that has a label and is not a duplicate.
    """
    rows: list[Row] = []
    lost: list[Row] = []
    skipped: Skipped = []
    lines: dict[tuple[Any, ...], Any] = {}
    patients: dict[str, tuple[str, Any]] = {}
    has_split = "split" in frame and bool(frame["split"].notna().any())
    texts = frame.astype(object).where(frame.notna(), None).to_dict("records")
    for line, text in zip(frame.index, track(texts, "Checking rows"), strict=True):
        row: Row = {str(key): value for key, value in text.items()}
        try:
            _convert(row, has_split)
            if require_files:
                _check_files(row, root)
            path, patient = row["image_path"], row["patient_id"]
            first, earlier = patients.setdefault(path, (patient, line))
            if first != patient:
                raise UserError(
                    f"patient. Received: {patient!r}; expected {first!r}, whose image "
                    f"it is in line {earlier}."
                )
            if _place(row) in lines:
                raise UserError(
                    f"the same image and place as line {lines[_place(row)]}."
                )
        except UserError as error:
            skipped.append((name, f"line {line}: {error}"))
            label = _LABELS.get(str(row["label"]).lower())
            if label is not None and _place(row) not in lines:
                lost.append({**row, "label": label})
        else:
            lines[_place(row)] = line
            rows.append(row)
    count = pd.Series([row["image_path"] for row in rows], dtype=str).value_counts()
    for row, line in zip(rows, lines.values(), strict=True):
        path = row["image_path"]
        own = path if count[path] == 1 else f"{path}#{line}"
        row["roi_id"] = row.get("roi_id") or own
    return rows, skipped, lost


def _place(row: Row) -> tuple[Any, ...]:
    return tuple(row[key] for key in ("image_path", "mask_path", *_BOX))


def _convert(row: Row, has_split: bool) -> None:
    """Converts the text of a row to values; the error is the reason why not."""
    for key, name in (("image_path", "path"), ("patient_id", "patient")):
        if row[key] is None:
            raise UserError(f"{name}. Received: nothing; expected a value.")
    for key, name in (("image_path", "path"), ("mask_path", "mask")):
        if row[key] is not None and not stays_below(row[key]):
            raise UserError(
                f"{name}. Received: {row[key]!r}; expected a path below the table's "
                "folder, with / between its parts."
            )
    _choose(row, "label", _LABELS, "0, 1, benign or malignant")
    if has_split:
        _choose(row, "split", _PARTS, ", ".join(PARTS))
    else:
        row.pop("split", None)
    if row["lesion_type"] is not None:
        _choose(row, "lesion_type", _TYPES, ", ".join(_TYPES))
    for key in _COUNTS:
        if row[key] is not None:
            number = _number(row[key])
            if not 0 <= number < 1e6 or number != int(number):
                raise UserError(
                    f"{key}. Received: {row[key]!r}; expected a whole number."
                )
            row[key] = int(number)
    spacing = row["pixel_spacing_mm"]
    if spacing is not None:
        row["pixel_spacing_mm"] = _number(spacing)
        low, high = CREDIBLE_MM
        if not low <= row["pixel_spacing_mm"] <= high:
            raise UserError(
                f"pixel_spacing_mm. Received: {spacing!r}; expected a number from "
                f"{low:g} to {high:g}."
            )
    given = [key for key in _BOX if row[key] is not None]
    if given and (len(given) < len(_BOX) or not (row[_BOX[2]] and row[_BOX[3]])):
        shown = ", ".join(f"{key} {row[key]}" for key in given)
        raise UserError(
            f"box. Received: {shown}; expected all of {', '.join(_BOX)}, at least 1 "
            "pixel wide and high."
        )
    if given and row["mask_path"] is not None:
        raise UserError("both a mask and a box. Expected: one of them.")


def _choose(row: Row, key: str, values: Row, expected: str) -> None:
    value = values.get(str(row[key]).lower())
    if value is None:
        shown = repr(row[key] or "nothing")
        raise UserError(f"{key}. Received: {shown}; expected {expected}.")
    row[key] = value


def _number(text: str) -> float:
    """Returns the number, or NaN, which fails every comparison."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _check_files(row: Row, root: Path) -> None:
    for key in ("image_path", "mask_path"):
        if row[key] is not None and not os.path.isfile(root / row[key]):
            raise UserError(f"{row[key]}: no such file below {root}.")
