"""The official split when calcifications and masses are pooled."""

from __future__ import annotations

import pandas as pd

from keras_wa.data.case_table import COLUMNS


def move_leaked_patients(cases: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Moves patients that are in both parts of the official split to the test part.

    Calcifications and masses were split separately, so that some patients are in the
    test part of one and in the training part of the other. There is a note for each
    direction with the numbers of patients and ROIs.
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
