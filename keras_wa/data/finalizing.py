"""The last steps of the readers: from rows to a data set."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from keras_wa.data.case_table import new_case_table, validate
from keras_wa.data.dataset import Dataset, Roi
from keras_wa.data.options import ReadOptions
from keras_wa.data.splits import drawn_split, split_test
from keras_wa.errors import UserError

Row = dict[str, Any]
"""A row of a case table."""

Skipped = list[tuple[str, str]]
"""Files or rows that were left out, each with the reason."""


def build_dataset(
    name: str,
    root: Path,
    rows: Sequence[Row],
    read: Callable[[pd.Series], Roi],
    options: ReadOptions,
    seed: int,
    *,
    skipped: Skipped,
    notes: Sequence[str] = (),
    lost: Sequence[Row] = (),
    lesion: str | None = None,
    unit: str = "ROIs",
    unstated: str = "neither",
    table: Path | None = None,
) -> Dataset:
    """Creates a data set of the rows of one lesion type.

    `calcification` and `mass` keep images with only that type: with both it is unknown
    which one the label describes. `all` keeps everything. Without a split a test part
    is drawn by patient.

    Args:
        rows: one per ROI, with `lesion_type` (None for other findings), all with a
            `split` or none.
        notes: come before those on lesion types, the test part and lost rows.
        lost: rows that were left out and have a label.
        lesion: lesion type to keep; by default that of the options.
        unit, unstated: names of a row and of the lesion type None in the notes.
        table: file of the rows, for messages; by default the root.
    """
    lesion = lesion or options.lesion
    kept, chosen = _choose_lesion(rows, lesion, unit, unstated)
    if not kept:
        first = f" The first of them: {': '.join(skipped[0])}" if skipped else ""
        raise UserError(
            f"{table or root}: no ROI is left. Received: {len(skipped)} unusable files "
            f"or rows; expected at least one ROI.{first}"
        )
    frame = pd.DataFrame(kept)
    drawn = "split" not in frame
    cases = new_case_table(frame.assign(split="train") if drawn else frame)
    validate(cases, str(table or root), options.patients_apart)
    added = []
    if drawn:
        cases = split_test(cases, seed=seed)
        added.append(
            "The data set has no split, so a test part was drawn by patient: "
            f"{(cases['split'] == 'test').sum()} of {len(cases)} ROIs (seed {seed})."
        )
    if skipped:
        added.append(f"Left out, each with its reason: {len(skipped)} files or rows.")
    gone = [row["label"] for row in lost if lesion in ("all", row["lesion_type"])]
    added += left_out_note(gone, list(cases["label"]))
    return Dataset(
        name=name,
        cases=cases,
        read=read,
        source=pixel_settings(options),
        root=root,
        split=drawn_split(seed) if drawn else "the table's own",
        notes=[*notes, *chosen, *added],
        skipped=skipped,
    )


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
    """Refuses `crop="official"` for a data set that ships no crops."""
    if options.crop == "official":
        raise UserError(
            f"`crop='official'`: {name} ships no crops. Received: 'official'; expected "
            "'fixed' or 'roi'."
        )


def left_out_note(
    lost: Sequence[int], kept: Sequence[int], unit: str = "ROIs"
) -> list[str]:
    """Describes the effect of rows that were left out; empty if there are none."""
    if not lost:
        return []
    return [
        f"Left out are {len(lost)} of {len(lost) + len(kept)} labelled {unit}: "
        f"{left_out_by_class(lost, kept, unit)}."
    ]


def left_out_by_class(
    lost: Iterable[int], kept: Iterable[int], unit: str = "ROIs"
) -> str:
    """Describes the effect of left out labels on the classes; some labels are kept."""
    gone, here = collections.Counter(lost), collections.Counter(kept)
    every = gone + here
    before, after = (100 * each[1] / each.total() for each in (every, here))
    return (
        f"benign {gone[0]} of {every[0]}, malignant {gone[1]} of {every[1]}; the share "
        f"of malignant {unit} went from {before:.1f} % to {after:.1f} %"
    )


def _choose_lesion(
    rows: Sequence[Row], lesion: str, unit: str, unstated: str
) -> tuple[Sequence[Row], list[str]]:
    """Returns the rows of one lesion type, and a note if some were left out."""
    if lesion == "all":
        return rows, []
    kept = [row for row in rows if row["lesion_type"] == lesion]
    others = collections.Counter(
        row["lesion_type"] or unstated for row in rows if row["lesion_type"] != lesion
    )
    if not others:
        return kept, []
    listed = ", ".join(f"{name} {count}" for name, count in sorted(others.items()))
    if not kept:
        raise UserError(
            f"`lesion={lesion!r}`: none of {len(rows)} {unit} is of this type. "
            f"Received: {listed}; expected one of these, or `lesion='all'`."
        )
    return kept, [
        f"Lesion type {lesion}: {len(kept)} of {len(rows)} {unit} are kept; left out "
        f"are {listed}. `lesion='all'` keeps them too."
    ]
