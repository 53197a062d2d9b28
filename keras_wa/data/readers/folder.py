"""The dataset `folder`: one folder of images for each of two classes."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pandas as pd

from keras_wa.data.case_table import new_case_table, validate
from keras_wa.data.cropping import whole_roi
from keras_wa.data.dataset import Dataset
from keras_wa.data.duplicates import duplicates_note, one_name_note
from keras_wa.data.io import IMAGE_SUFFIXES, kinds_of, passed_over
from keras_wa.data.io.file_kinds import Kind
from keras_wa.data.options import ReadOptions
from keras_wa.data.splits import drawn_split, split_test
from keras_wa.errors import UserError
from keras_wa.files import cannot_be_listed, walk_files

POSITIVE_NAMES = frozenset(
    [
        *("1", "pos", "positive", "abnormal", "cancer", "malignant"),
        *("calc", "calcification", "calcifications"),
        *("mc", "microcalcification", "microcalcifications"),
    ]
)
"""Names of class folders of label 1, case-insensitive."""

NEGATIVE_NAMES = frozenset(
    ["0", "neg", "negative", "benign", "control", "healthy", "normal"]
)
"""Names of class folders of label 0, case-insensitive."""

_PARTS = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
_REASONS: dict[Kind, str] = {
    "other": "no image by its suffix, nor DICOM by its content",
    "beside": "a DICOM file has the same name",
}


def read_folder(
    data_dir: str | os.PathLike[str],
    group_pattern: str | None = None,
    seed: int = 0,
    options: ReadOptions | None = None,
) -> Dataset:
    """Reads class folders of images into a case table.

    `data_dir` has two class folders, or `train/` and `test/` (and `val/`) with two
    class folders each, which are the split. Otherwise about a fifth of the ROIs becomes
    the test part, by patient, stratified by label. Class folders are assigned to labels
    by name (`POSITIVE_NAMES`, `NEGATIVE_NAMES`), else in alphabetical order, with a
    note. They are searched with their subfolders, without hidden files and folders.

    Args:
        data_dir: the folder.
        group_pattern: a regular expression that finds the patient in a file's name: its
            group `patient`, else its first group, else the match. Without one, each
            file is a patient, with a note.
        seed: seed of the test part.
        options: `for_processing`, `bits_stored` and `patients_apart` are used; by
            default `ReadOptions()`.

    Raises:
        UserError: the folder or a class folder is missing, unreadable or empty; there
            are not exactly two classes, or only one patient; a file name does not
            match; or a patient is in `train/` and in `test/`.
    """
    options = options or ReadOptions()
    root = Path(data_dir)
    pattern = _compile(group_pattern)
    folders = {entry.name: entry for entry in _subfolders(root)}
    parts = {name: _PARTS[name.lower()] for name in folders if name.lower() in _PARTS}
    official = {"train", "test"} <= set(parts.values())
    notes: list[str] = []
    kinds: dict[str, Kind] = {}
    if official:
        others = sorted(set(folders) - set(parts))
        if others:
            notes.append(
                f"Folders beside train and test were not read: {', '.join(others)}."
            )
        class_roots = [(folders[name], part) for name, part in parts.items()]
    else:
        class_roots = [(root, "train")]
    rows = []
    for class_root, part in class_roots:
        classes, note = _two_classes(class_root)
        if note not in notes:
            notes.append(note)
        for label, folder in enumerate(classes):
            found = _kinds_in(folder, root)
            kinds |= found
            rows += [
                {
                    "roi_id": name,
                    "label": label,
                    "pathology": folder.name,
                    "split": part,
                    "image_path": name,
                }
                for name, kind in found.items()
                if kind in ("dicom", "plain")
            ]
    cases = pd.DataFrame(rows)
    cases["patient_id"] = _patients(cases["image_path"], pattern, root, notes)
    cases = new_case_table(cases)
    if cases["patient_id"].nunique() < 2:
        raise UserError(
            f"{root}: all {len(cases)} files belong to one patient. Received: "
            f"{cases['patient_id'].iloc[0]!r}; expected several patients, so that "
            "training and test can be separated. Correct `group_pattern`."
        )
    if not official:
        cases = split_test(cases, seed=seed)
        notes.append(
            "No train/ and test/ folders, so a test part was drawn by patient: "
            f"{(cases['split'] == 'test').sum()} of {len(cases)} ROIs (seed {seed})."
        )
    validate(cases, str(root), options.patients_apart)
    notes += passed_over(kinds)
    notes += one_name_note(cases["image_path"])
    duplicates = duplicates_note(root, cases)
    if duplicates:
        notes.append(duplicates)
    return Dataset(
        name="folder",
        cases=cases,
        read=lambda row: whole_roi(root, row["image_path"], options),
        source={
            "group_pattern": group_pattern,
            "for_processing": options.for_processing,
            "bits_stored": options.bits_stored,
        },
        root=root,
        split="the folders' own" if official else drawn_split(seed),
        notes=notes,
        skipped=[
            (name, _REASONS[kind]) for name, kind in kinds.items() if kind in _REASONS
        ],
    )


def _compile(group_pattern: str | None) -> re.Pattern[str] | None:
    if group_pattern is None:
        return None
    try:
        return re.compile(group_pattern)
    except re.error as error:
        raise UserError(
            f"`group_pattern` is not a regular expression ({error}). Received: "
            rf"{group_pattern!r}; expected one such as '^(\d+)'."
        ) from error


def _subfolders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return sorted(
                Path(entry.path)
                for entry in entries
                if entry.is_dir() and not entry.name.startswith(".")
            )
    except OSError as error:
        raise cannot_be_listed(error, folder) from error


def _two_classes(folder: Path) -> tuple[tuple[Path, Path], str]:
    """Returns the folders of label 0 and label 1, and a sentence on them."""
    found = _subfolders(folder)
    if len(found) != 2:
        names = ", ".join(path.name for path in found) or "none"
        raise UserError(
            f"{folder}: class folders. Received: {len(found)} ({names}); expected "
            "exactly two, such as benign/ and malignant/, with the images in them."
        )

    def rank(path: Path) -> tuple[int, str]:
        name = path.name.lower()
        return (name in POSITIVE_NAMES) - (name in NEGATIVE_NAMES), path.name

    zero, one = sorted(found, key=rank)
    known = rank(zero)[0] != rank(one)[0]
    return (zero, one), (
        f"Class folders: {zero.name} is label 0, {one.name} is label 1 "
        + ("(by their names)." if known else "(in alphabetical order: check it).")
    )


def _kinds_in(folder: Path, root: Path) -> dict[str, Kind]:
    """Classifies the files of a class folder, by path relative to the root."""
    # A link may lead into the other class.
    inside = walk_files(folder, follow_links=False)
    above = folder.relative_to(root)
    kinds = kinds_of(root, [(above / name).as_posix() for name in inside])
    if not {"dicom", "plain"} & set(kinds.values()):
        raise UserError(
            f"{folder}: class folder with no image. Received: {len(kinds)} other "
            f"files; expected DICOM, or {', '.join(sorted(IMAGE_SUFFIXES))} files."
        )
    return kinds


def _patients(
    paths: pd.Series, pattern: re.Pattern[str] | None, root: Path, notes: list[str]
) -> list[str]:
    """Returns the patient of each file."""
    if pattern is None:
        notes.append(
            "No `group_pattern`: each file counts as a patient. If a patient has "
            "several files, training and test share patients and the result is "
            "inflated; give a regular expression that finds the patient in the name."
        )
        return list(paths)
    group: str | int = "patient" if "patient" in pattern.groupindex else 0
    if group == 0 and pattern.groups:
        group = 1
    matches = [pattern.search(Path(path).name) for path in paths]
    patients = [match.group(group) if match else None for match in matches]
    missed = [path for path, name in zip(paths, patients, strict=True) if not name]
    if missed:
        raise UserError(
            f"{root / missed[0]}: the file name does not match `group_pattern` "
            f"{pattern.pattern!r} ({len(missed)} of {len(patients)} files do not). "
            "Expected: a pattern that finds the patient in each file name."
        )
    return [name for name in patients if name]
