"""Selects the series to download."""

from __future__ import annotations

import dataclasses

import pandas as pd

from keras_wa.data.readers.cbis_ddsm.idc_series import assign_series, missing_series
from keras_wa.errors import UserError

PARTS = ("crops", "masks", "full")
"""Downloadable parts of CBIS-DDSM's ROIs."""

_WANTED = {"crops": "crop", "masks": "mask", "full": "full"}
_NAMES = {
    "full": "full mammogram",
    "crop+mask": "crop and mask",
    "crop": "crop",
    "mask": "mask",
}


@dataclasses.dataclass(frozen=True)
class Selection:
    """The series to download.

    Attributes:
        series: one row per series: `series` (its UID), `patient_id`, `part` (in words),
            `folder` (below the dataset's root, posix, IDC's default layout), `url` of
            its objects (`s3://…/*`), `files`, `bytes`.
        what: description of the series, in words.
        notes: notes for the user.
    """

    series: pd.DataFrame
    what: str
    notes: list[str]


def select_cbis_ddsm(
    index: pd.DataFrame,
    cases: pd.DataFrame,
    lesion: str = "calcification",
    parts: tuple[str, ...] = PARTS,
    limit_patients: int | None = None,
) -> Selection:
    """Selects the series of CBIS-DDSM's ROIs.

    Args:
        index: IDC's series of the collection.
        cases: cases of the selected lesion types, from `read_case_lists`.
        lesion: `calcification`, `mass` or `all`.
        parts: any of `PARTS`.
        limit_patients: keep the patients with the lowest numbers; a larger limit keeps
            all of a smaller one.

    Returns:
        The selection.

    Raises:
        UserError: nothing is left.
    """
    chosen = cases if lesion == "all" else cases[cases["lesion_type"] == lesion]
    patients = _first(chosen["patient_id"], limit_patients)
    chosen = chosen[chosen["patient_id"].isin(patients)]
    wanted = {_WANTED[part] for part in parts}
    assigned = assign_series(index, chosen)
    kept = assigned[
        [
            not pd.isna(part) and bool(wanted & {*part.split("+")})
            for part in assigned.part
        ]
    ]
    if kept.empty:
        raise UserError(
            f"No series of IDC belongs to the case lists. Received: {len(chosen)} ROIs "
            f"({lesion}); expected the official lists. Fetch them again."
        )
    refused = assigned[
        assigned["reason"].notna() & assigned["SeriesInstanceUID"].isin(_listed(chosen))
    ]
    notes = [
        f"Left out: series {row.SeriesInstanceUID}: {row.reason}."
        for row in refused.itertuples()
    ]
    absent = missing_series(index, chosen)
    if len(absent):
        notes.append(
            f"{len(absent)} series of the case lists are not in this index, the first: "
            f"{absent['SeriesInstanceUID'].iloc[0]}."
        )
    other = {"crop", "mask"} - wanted
    both = (kept["part"] == "crop+mask").sum()
    if both and len(other) == 1:
        notes.append(
            f"{both} ROIs have crop and mask in one series: the {min(other)}s come "
            "along."
        )
    series = _table(kept, "cbis_ddsm", kept["patient_id"], kept["part"].map(_NAMES))
    kind = "calcification and mass" if lesion == "all" else lesion
    what = f"{kind}: {len(chosen)} ROIs of {len(patients)} patients"
    return Selection(series, what, notes)


def select_all(
    index: pd.DataFrame, collection: str, limit_patients: int | None = None
) -> Selection:
    """Selects all series of a collection.

    Args:
        index: IDC's series of the collection.
        collection: its `collection_id`.
        limit_patients: see `select_cbis_ddsm`.

    Returns:
        The selection.
    """
    patients = _first(index["PatientID"], limit_patients)
    kept = index[index["PatientID"].isin(patients)]
    part = pd.Series("mammograms", index=kept.index)
    series = _table(kept, collection, kept["PatientID"], part)
    return Selection(series, f"{len(patients)} patients", [])


def _first(patients: pd.Series, limit: int | None) -> list[str]:
    return sorted(patients.unique())[:limit]


def _listed(cases: pd.DataFrame) -> set[str]:
    paths = cases[["full_listed", "crop_listed", "mask_listed"]].stack()
    return set(paths.str.split("/").str[2])


def _table(
    index: pd.DataFrame, collection: str, patients: pd.Series, parts: pd.Series
) -> pd.DataFrame:
    below = index[["StudyInstanceUID"]].assign(
        series=index["Modality"] + "_" + index["SeriesInstanceUID"]
    )
    table = pd.DataFrame(
        {
            "series": index["SeriesInstanceUID"],
            "patient_id": patients,
            "part": parts,
            "folder": f"{collection}/" + index["PatientID"].str.cat(below, sep="/"),
            "url": index["series_aws_url"],
            "files": index["instanceCount"].astype("int64"),
            # The index has the exact number of bytes, divided by a million.
            "bytes": (index["series_size_MB"] * 1e6).round().astype("int64"),
        }
    )
    return table.reset_index(drop=True)
