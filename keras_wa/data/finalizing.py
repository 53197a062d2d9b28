"""Last steps of the readers: lesion types and a test part."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from keras_wa.data.case_table import new_case_table, validate
from keras_wa.data.options import ReadOptions
from keras_wa.data.splits import drawn_split, split_test
from keras_wa.errors import UserError

Row = dict[str, Any]
"""A row of a case table."""


def pixel_settings(options: ReadOptions) -> dict[str, Any]:
    """Returns the options that affect the pixels, for `Dataset.source`."""
    return {
        "lesion": options.lesion,
        "crop": options.crop,
        "field_mm": options.field_mm,
        "pixel_spacing_mm": options.pixel_spacing,
        "for_processing": options.for_processing,
        "bits_stored": options.bits_stored,
    }


def refuse_official_crops(options: ReadOptions, name: str) -> None:
    """Refuses `crop="official"` for a data set that ships no crops.

    Raises:
        UserError: `crop` is `official`.
    """
    if options.crop == "official":
        raise UserError(
            f"`crop='official'`: {name} ships no crops. Received: 'official'; expected "
            "'fixed' or 'roi'."
        )


def choose_lesion(
    rows: Iterable[Row],
    lesion: str,
    unit: str = "ROIs",
    unstated: str = "neither",
) -> tuple[list[Row], list[str]]:
    """Keeps the rows of one lesion type.

    `calcification` and `mass` keep images with only that type: with both it is unknown
    which one the label describes. `all` keeps everything.

    Args:
        rows: rows with `lesion_type`, None for other findings.
        lesion: `calcification`, `mass` or `all`.
        unit: name of a row in the note.
        unstated: name of None in the note.

    Returns:
        The rows that are kept, and a note if some were left out.

    Raises:
        UserError: there are rows, but none of that type.
    """
    rows = list(rows)
    if lesion == "all":
        return rows, []
    kept = [row for row in rows if row["lesion_type"] == lesion]
    others = pd.Series(
        [
            row["lesion_type"] or unstated
            for row in rows
            if row["lesion_type"] != lesion
        ],
        dtype=str,
    ).value_counts()
    if others.empty:
        return kept, []
    listed = ", ".join(f"{name} {others[name]}" for name in sorted(others.index))
    if not kept:
        raise UserError(
            f"`lesion={lesion!r}`: none of {len(rows)} {unit} is of this type. "
            f"Received: {listed}; expected one of these, or `lesion='all'`."
        )
    return kept, [
        f"Lesion type {lesion}: {len(kept)} of {len(rows)} {unit} are kept; left out "
        f"are {listed}. `lesion='all'` takes them too."
    ]


def left_out_note(
    lost: Sequence[int], kept: Sequence[int], unit: str = "ROIs"
) -> list[str]:
    """Describes the effect of rows that were left out; empty if there are none.

    Args:
        lost: labels of what was left out.
        kept: labels of the others, at least one.
        unit: what has a label.
    """
    if not lost:
        return []
    return [
        f"Among what was left out are {len(lost)} of {len(lost) + len(kept)} {unit}: "
        f"{left_out_by_class(lost, kept, unit)}."
    ]


def left_out_by_class(
    lost: Iterable[int], kept: Iterable[int], unit: str = "ROIs"
) -> str:
    """Describes the effect of rows that were left out on the classes, for a note.

    Args:
        lost: labels of what was left out.
        kept: labels of the others, at least one.
        unit: what has a label.
    """
    gone, here = collections.Counter(lost), collections.Counter(kept)
    every = gone + here
    before, after = (100 * each[1] / each.total() for each in (every, here))
    return (
        f"benign {gone[0]} of {every[0]}, malignant {gone[1]} of {every[1]}; the share "
        f"of malignant {unit} went from {before:.1f} % to {after:.1f} %"
    )


def finish_cases(
    rows: Sequence[Row],
    source: str,
    skipped: Sequence[tuple[str, str]],
    seed: int,
    patients_apart: bool = True,
    lost: Sequence[Row] = (),
) -> tuple[pd.DataFrame, str, list[str]]:
    """Creates the case table, with a test part if there is no split.

    Args:
        rows: one per ROI, all with a `split` or none.
        source: origin of the table, for messages.
        skipped: files that were left out, for the message if no row is left.
        seed: seed of the test part.
        patients_apart: see `case_table.validate`.
        lost: rows that were left out and have a label.

    Returns:
        The valid case table; a description of its split, for `Dataset.split`; and notes
        on the test part and on rows that were left out.

    Raises:
        UserError: no row is left, the table is invalid, or there are too few patients.
    """
    if not rows:
        first = f" The first of them: {': '.join(skipped[0])}" if skipped else ""
        raise UserError(
            f"{source}: no ROI is left. Received: {len(skipped)} files or rows that "
            f"had to be left out; expected at least one ROI.{first}"
        )
    frame = pd.DataFrame(list(rows))
    drawn = "split" not in frame
    cases = new_case_table(frame.assign(split="train") if drawn else frame)
    validate(cases, source, patients_apart)
    notes = []
    if drawn:
        cases = split_test(cases, seed=seed)
        notes.append(
            "The data set has no split, so a test part was drawn by patient: "
            f"{(cases['split'] == 'test').sum()} of {len(cases)} ROIs (seed {seed})."
        )
    if skipped:
        notes.append(f"Left out, each with its reason: {len(skipped)} files or rows.")
    notes += left_out_note([row["label"] for row in lost], list(cases["label"]))
    return cases, drawn_split(seed) if drawn else "the table's own", notes
