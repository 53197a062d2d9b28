"""Stratified sampling of patients."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from keras_wa.errors import UserError


def sample_patients(
    cases: pd.DataFrame,
    n: int,
    by: Sequence[str],
    parameter: str,
    seed: int | None = None,
) -> pd.DataFrame:
    """Samples whole patients, the same share of the ROIs of each stratum.

    Two patients with few ROIs are first taken from each stratum, so that a small sample
    has all of them and allows a validation part.

    Args:
        cases: a case table.
        n: largest number of ROIs.
        by: columns of the strata, with `label`. A patient's label is that of most of
            its ROIs; for other columns its first value counts.
        parameter: name of what set `n`, for messages.
        seed: seed of the sample; None takes patients in the order of the table.

    Raises:
        UserError: `n` is so small that a stratum is lost.
    """
    columns = {name: (name, "first") for name in by if name != "label"}
    patients = cases.groupby("patient_id", sort=False).agg(
        **columns, label=("label", "mean"), rois=("roi_id", "size")
    )
    patients["label"] = patients["label"] >= 0.5
    if seed is not None:
        patients = patients.sample(frac=1, random_state=seed)
    kinds = patients.groupby(list(by))["rois"]
    pace = kinds.cumsum() / kinds.transform("sum")
    small = patients.sort_values("rois", kind="stable").groupby(list(by))
    pace[small.head(2).index] -= 1
    pace[small.head(1).index] -= 1
    chosen, taken = [], 0
    for patient in pace.sort_values(kind="stable").index:
        rois = int(patients["rois"][patient])
        if taken + rois <= n:
            chosen.append(patient)
            taken += rois
    kept = cases[cases["patient_id"].isin(chosen)].reset_index(drop=True)
    whole, left = (
        set(table[list(by)].itertuples(index=False, name=None))
        for table in (cases, kept)
    )
    for kind in sorted(whole - left, key=str):
        lost = ", ".join(
            f"{name} {value}" for name, value in zip(by, kind, strict=True)
        )
        raise UserError(
            f"{parameter}. Received: {n}, which leaves no ROI with {lost}; expected "
            f"more, up to {len(cases)}."
        )
    return kept
