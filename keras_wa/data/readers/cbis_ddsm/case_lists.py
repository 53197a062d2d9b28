"""The four official case lists of CBIS-DDSM (Lee et al., Scientific Data 4, 2017)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from keras_wa.data.case_table import COLUMNS, new_case_table
from keras_wa.data.finalizing import Skipped
from keras_wa.data.tables import read_table, stays_below
from keras_wa.errors import UserError

LIST_NAMES = {
    ("calcification", "train"): "calc_case_description_train_set.csv",
    ("calcification", "test"): "calc_case_description_test_set.csv",
    ("mass", "train"): "mass_case_description_train_set.csv",
    ("mass", "test"): "mass_case_description_test_set.csv",
}
"""Official file name of each list, by lesion type and part of the split."""

LISTED = ("case", "full_listed", "crop_listed", "mask_listed")
"""Columns besides those of a case table: the case, such as
`Calc-Training_P_00005_RIGHT_CC_1`, and the listed paths of the three files,
`<case>/<study UID>/<series UID>/<file>`."""

_RENAMED = {
    "left or right breast": "breast",
    "image view": "view",
    "abnormality id": "lesion",
    "image file path": "full_listed",
    "cropped image file path": "crop_listed",
    "ROI mask file path": "mask_listed",
}
_RENAMED_OF = {
    "calcification": {
        "calc type": "morphology",
        "calc distribution": "distribution",
    },
    "mass": {
        "mass shape": "morphology",
        "mass margins": "distribution",
    },
}
_DENSITY = ("breast density", "breast_density")
"""Spellings of one column; each list has one of them."""

_SAME = ("patient_id", "assessment", "pathology", "subtlety")
_LABELS = {"BENIGN": 0, "BENIGN_WITHOUT_CALLBACK": 0, "MALIGNANT": 1}
_PATHS = ("full_listed", "crop_listed", "mask_listed")
_COUNTS = ("density", "assessment", "subtlety")
_CASES = {"train": "training cases", "test": "test cases"}
_MISSING = ("#n/a", "#na", "<na>", "n/a", "na", "nan", "none", "null")
"""Ways to write a missing value, in lower case: those of the official lists, and of
programs that save a table."""

_NAMING = ("patient_id", "breast", "view", "lesion")
"""Parts of an ROI's name, in this order."""


@dataclasses.dataclass(frozen=True)
class CaseLists:
    """The content of the case lists.

    Attributes:
        cases: one row per ROI, with the columns of a case table and `LISTED`.
            `morphology` and `distribution` are a calcification's type and distribution
            or a mass's shape and margins. A density or subtlety of 0 means missing.
            The paths of the files are not filled in.
        skipped: list and reason for each row, and each list, that was left out.
        notes: notes for the user.
    """

    cases: pd.DataFrame
    skipped: list[tuple[str, str]]
    notes: list[str]


def find_case_lists(folder: Path, lesion: str = "all") -> list[Path]:
    """Finds the official case lists in a folder or in its subfolder `csv`.

    Args:
        folder: the folder.
        lesion: `calcification`, `mass` or `all`.

    Returns:
        The existing lists of that lesion type, training before test; see
        `absent_lists` for the others.

    Raises:
        UserError: neither folder has any of them.
    """
    names = [name for (kind, _), name in LIST_NAMES.items() if lesion in (kind, "all")]
    places = [[folder / name, folder / "csv" / name] for name in names]
    found = [path for pair in places for path in [p for p in pair if p.is_file()][:1]]
    if found:
        return found
    raise UserError(
        f"{folder}: CBIS-DDSM's case lists. Received: none of {', '.join(names)} in "
        "this folder or in csv/ below it; expected the official files. "
        "`keras_wa.data.download` fetches them, or name their folder with `case_lists`."
    )


def absent_lists(paths: Sequence[Path], lesion: str = "all") -> list[str]:
    """Describes missing case lists and the consequences.

    Args:
        paths: the lists that were found.
        lesion: see `find_case_lists`.

    Returns:
        Sentences for the user.
    """
    here = {path.name for path in paths}
    return [
        f"The case list {name} is missing, and so are its {_CASES[part]}. "
        "`keras_wa.data.download` fetches it, or `case_lists` names its folder."
        for (kind, part), name in LIST_NAMES.items()
        if lesion in (kind, "all") and name not in here
    ]


def parts_note(cases: pd.DataFrame) -> list[str]:
    """Describes the use of a dataset without training or without test cases."""
    parts = set(cases["split"])
    if "test" not in parts:
        return [
            "The official split has no test part here: a model can be trained and "
            "validated, but not evaluated on a test part. `split='patient-kfold'` "
            "makes one of the training patients; its results are not those of the "
            "official test part."
        ]
    if "train" not in parts:
        return [
            "The official split has no training part here, so no model can be trained "
            "on it. `split='patient-kfold'` would make one of the test patients."
        ]
    return []


def read_case_lists(paths: Sequence[Path]) -> CaseLists:
    """Reads official case lists.

    Args:
        paths: any of the four files, by their official names.

    Returns:
        The cases in the order of the lists. Left out are rows with a repeated ID, a
        path outside the root or an unknown pathology, and lists that cannot be read,
        have no official name, or lack a column.

    Raises:
        UserError: no list can be used.
    """
    parts: list[pd.DataFrame] = []
    skipped: Skipped = []
    notes: list[str] = []
    errors: list[UserError] = []
    for path in paths:
        try:
            part, bad = _read_list(path)
        except UserError as error:
            errors.append(error)
            reason = str(error).removeprefix(f"{path}: ")
            skipped.append((path.name, reason))
            notes.append(f"The whole case list {path.name} was left out: {reason}")
            continue
        reasons = _reasons(part)
        skipped += bad
        skipped += [
            (path.name, f"line {line}: {reason}")
            for line, reason in reasons.items()
            if reason
        ]
        parts.append(part[reasons == ""])
    if not parts:
        raise errors[0]
    listed = pd.concat(parts, ignore_index=True)
    twice = listed["roi_id"].duplicated()
    skipped += [
        ("case lists", f"{name} is in two lists. Expected: in one.")
        for name in listed["roi_id"][twice]
    ]
    listed = listed[~twice].reset_index(drop=True)
    if rows := len(skipped) - len(errors):
        notes.append(f"Rows of the case lists that were left out: {rows}.")
    cases = new_case_table(listed[[name for name in COLUMNS if name in listed]])
    return CaseLists(cases.join(listed[list(LISTED)]), skipped, notes)


def _read_list(path: Path) -> tuple[pd.DataFrame, Skipped]:
    """Returns one list with this package's column names, and skipped lines.

    The index is the line in the file.
    """
    keys = {name: key for key, name in LIST_NAMES.items()}
    if path.name not in keys:
        raise UserError(
            f"{path}: name of a case list. Received: {path.name!r}; expected one of "
            f"{', '.join(keys)}."
        )
    lesion, part = keys[path.name]
    wanted = _RENAMED_OF[lesion] | _RENAMED
    try:
        table = read_table(path, (*wanted, *_SAME))
    except UserError as error:
        raise UserError(f"{error} Download the list again.") from error
    names = table.rows.columns.tolist()
    density = [name for name in names if name.lower() in _DENSITY]
    if len(density) != 1:
        found = "repeated" if density else "missing"
        raise UserError(
            f"{path}: column {_DENSITY[0]!r} is {found}. Received: "
            f"{', '.join(names)}; expected it or {_DENSITY[1]!r} once. Download "
            "the list again."
        )
    wanted = {density[0]: "density"} | wanted
    frame = table.rows[[*wanted, *_SAME]].rename(columns=wanted)
    frame = frame.mask(frame.apply(lambda column: column.str.lower().isin(_MISSING)))
    if frame.empty:
        raise UserError(
            f"{path}: the case list has no row. Expected: a row per ROI. Download the "
            "list again."
        )
    for name in _PATHS:  # A list edited on Windows may have backslashes.
        frame[name] = frame[name].str.replace("\\", "/", regex=False)
    for name in ("density", "subtlety"):
        frame[name] = frame[name].replace("0", pd.NA)
    frame["label"] = frame["pathology"].map(_LABELS)
    frame["split"] = part
    frame["case"] = frame["crop_listed"].str.split("/").str[0]
    frame["lesion_type"] = lesion
    prefix = {"calcification": "Calc", "mass": "Mass"}[lesion]
    frame["roi_id"] = f"{prefix}-{'Training' if part == 'train' else 'Test'}"
    for name in _NAMING:
        frame["roi_id"] += "_" + frame[name]
    return frame, table.skipped


def _reasons(frame: pd.DataFrame) -> pd.Series:
    """Returns why each row cannot be used, `""` if it can."""
    reasons = pd.Series("", index=frame.index)

    def add(rows: pd.Series, reason: pd.Series | str) -> None:
        reasons[:] = reasons.mask(rows & (reasons == ""), reason)

    for name in (*_NAMING, *_PATHS):
        add(frame[name].isna(), f"{name} is missing.")
    twice = frame["roi_id"].duplicated(keep="first")
    add(twice, frame["roi_id"] + " is repeated. Expected: a row per ROI.")
    add(
        frame["label"].isna(),
        "pathology. Received: "
        + frame["pathology"].fillna("nothing")
        + f"; expected one of {', '.join(_LABELS)}.",
    )
    for name in _COUNTS:
        add(
            ~frame[name].fillna("0").str.fullmatch(r"\d"),
            f"{name}. Received: "
            + frame[name].fillna("").map(repr)
            + "; expected one digit, or nothing.",
        )
    for name in _PATHS:
        add(
            ~frame[name].fillna("").map(_is_inside),
            f"{name.replace('_listed', '')} path. Received: "
            + frame[name].fillna("").map(repr)
            + "; expected <case>/<study>/<series>/<file> below the data set's root.",
        )
    return reasons


def _is_inside(listed: str) -> bool:
    """Returns whether a listed path has its four parts and stays below the root."""
    return len(PurePosixPath(listed).parts) == 4 and stays_below(listed)
