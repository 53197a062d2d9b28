"""Splits file names and paths into tokens."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

import pandas as pd

PARTS_OF_NAMES = {
    "letters": "letters in the file name",
    "digits": "single digits in the file name",
    "form": "form of the file name",
    "folder": "folders",
    "suffix": "suffix",
}
"""Kinds of tokens, with their titles."""

_NOT_TOLD = frozenset(["train", "training", "val", "valid", "validation", "test"])
_RUNS = re.compile(r"[a-z]+|\d+|[^a-z\d]+", re.IGNORECASE)


def names_of(cases: pd.DataFrame) -> pd.Series:
    """Returns each ROI's image path, else its crop's, else its `roi_id`."""
    names = cases["image_path"].fillna(cases["crop_path"]).fillna(cases["roi_id"])
    return names.astype(str)


def name_tokens(names: Iterable[str], classes: Iterable[str]) -> pd.DataFrame:
    """Splits names into tokens.

    `digits` are runs of a single digit, with their place from the right; longer runs
    number people or images and are ignored. The `form` is the name with `#` for each
    digit and `a` for each run of letters. Folders named like a class or a part of the
    split are left out: they state the class openly and are not a leak.

    Args:
        names: paths with `/`.
        classes: names of classes, such as `benign`; case-insensitive.

    Returns:
        One row per distinct name and token: `row` (index of the name), `part` (a key of
        `PARTS_OF_NAMES`) and `token`.
    """
    told = _NOT_TOLD | {each.lower() for each in classes}
    found = []
    for row, name in enumerate(names):
        path = PurePosixPath(name)
        runs = _RUNS.findall(path.stem)
        numbers = [run for run in runs if run.isdigit()]
        found += [(row, "letters", run.lower()) for run in runs if run.isalpha()]
        found += [
            (row, "digits", f"{run} as number {place} from the right")
            for place, run in enumerate(reversed(numbers), 1)
            if len(run) == 1
        ]
        found.append((row, "form", "".join(map(_form, runs))))
        found += [
            (row, "folder", folder)
            for folder in path.parts[:-1]
            if folder.lower() not in told
        ]
        found.append((row, "suffix", path.suffix.lower()))
    tokens = pd.DataFrame(found, columns=["row", "part", "token"])
    return tokens.drop_duplicates(ignore_index=True)


def _form(run: str) -> str:
    if run.isdigit():
        return "#" * len(run)
    return "a" if run.isalpha() else run
