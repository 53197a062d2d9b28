"""The last steps that readers share: choosing lesions, drawing a test part."""

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
"""A row of a case table in the making."""


def pixel_settings(options: ReadOptions) -> dict[str, Any]:
    """What of the options decides the pixels, for `Dataset.source`."""
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
        UserError: they are asked for.
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

    `calcification` and `mass` keep that type alone: where an image holds both, nobody
    can tell which of them its label is about. `all` keeps everything.

    Args:
        rows: with `lesion_type`, `None` for another finding.
        lesion: `calcification`, `mass` or `all`.
        unit: what a row is, for the note.
        unstated: what to call `None` in the note.

    Returns:
        The rows that are kept, and a note if any was left out.

    Raises:
        UserError: there are rows but none of that type.
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
    """What leaving out has changed, a sentence; none if nothing was lost.

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
    """How leaving out has changed the classes, for a note.

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
    """Makes the case table and draws a test part where there is no split.

    Args:
        rows: one an ROI. They have a `split` each, or none of them has.
        source: what the table was made of, for messages.
        skipped: what was left out, for the message if nothing is left.
        seed: seed of the draw.
        patients_apart: see `case_table.validate`.
        lost: the rows among what was left out whose label is known.

    Returns:
        The valid case table; what its split is, for `Dataset.split`; and notes: that
        the test part was drawn, how much was left out.

    Raises:
        UserError: no row is left, the table breaks an invariant, or there are too
            few patients to draw from.
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
