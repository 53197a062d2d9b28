"""The official split when calcifications and masses are pooled."""

from __future__ import annotations

import pandas as pd

from keras_wa.data.case_table import COLUMNS


def move_torn_patients(cases: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Moves patients that the official split tears apart wholly to the test part.

    The split of the calcifications and that of the masses were drawn apart, so that
    some patients are in the test part of one and in the training part of the other.

    Args:
        cases: a case table with the official split.

    Returns:
        The table with all ROIs of each such patient in the test part, and a note for
        each direction: how many patients and ROIs were moved.
    """
    parts = cases.groupby("patient_id")["split"].nunique()
    torn = cases["patient_id"].isin(parts.index[parts > 1])
    moved = torn & (cases["split"] == "train")
    notes = []
    for lesion, rows in cases[moved].groupby("lesion_type"):
        notes.append(
            "Official split: patients moved to the test part, where they have other "
            f"lesions: {rows['patient_id'].nunique()} (ROIs, {lesion}: {len(rows)})."
        )
    result = cases.copy()
    result["split"] = cases["split"].mask(moved, "test").astype(COLUMNS["split"])
    return result, notes
