"""Assigns the series of the Imaging Data Commons (IDC) to cases and parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

DESCRIPTIONS = {
    "full": ("full mammogram images",),
    "crop": ("cropped images",),
    "mask": ("ROI mask images",),
    # For crop and mask in one series, IDC's index has the description of one of them.
    "crop+mask": ("cropped images", "ROI mask images"),
}
"""Part of a series -> matching SeriesDescriptions."""

QUIRKS = {
    "no_description": "no SeriesDescription; the part is the case list's",
    "short_id": (
        "PatientID such as `P_01773_RIGHT_MLO_1.dcm`, without lesion type and split; "
        "the UID identifies the case"
    ),
    "two_instances": (
        "crop and mask in one series; which instance is which is read from the files"
    ),
    "contradicts_list": (
        "SeriesDescription and case list name different parts; the file decides"
    ),
    "several_rois": "a full mammogram of several ROIs",
}
"""Irregularities of assigned series: column -> description."""


def assign_series(index: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """Assigns IDC's series of CBIS-DDSM to cases by their SeriesInstanceUID.

    StudyInstanceUID, PatientID and the number of instances must agree with the case
    lists. SeriesDescription, missing or wrong for some series, is not decisive.

    Returns:
        The index with the added columns `part` (`full`, `crop`, `mask`, `crop+mask`),
        `rois` (ids of the ROIs, separated by a blank), `patient_id`, `lesion_type`, a
        bool column for each of `QUIRKS`, and `reason`: why the series is not assigned,
        else NA. For unassigned series the other columns are NA or False.
    """
    found = index.reset_index(drop=True).merge(
        _listed_series(cases), on="SeriesInstanceUID", how="left"
    )
    reason = _reasons(found)
    for name, odd in _quirks(found).items():
        found[name] = odd & reason.isna()
    assigned = ["part", "rois", "patient_id", "lesion_type"]
    found.loc[reason.notna(), assigned] = pd.NA
    found["reason"] = reason
    return found.drop(columns=["case", "study", "n_rois"])


def missing_series(index: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """Returns the listed series that IDC's index lacks, with part, ROIs and patient."""
    listed = _listed_series(cases).drop(columns=["case", "study", "n_rois"])
    known = listed["SeriesInstanceUID"].isin(index["SeriesInstanceUID"])
    return listed[~known].reset_index(drop=True)


def describe(assigned: pd.DataFrame, missing: pd.DataFrame) -> str:
    """Describes in Markdown the parts of the series and their irregularities."""
    keys = ["part", "lesion_type", "SeriesDescription", "instanceCount"]
    kept = assigned[assigned["reason"].isna()]
    groups = kept.assign(
        SeriesDescription=kept["SeriesDescription"].astype(object).fillna("(none)")
    ).groupby(keys)
    parts = groups.agg(
        series=("SeriesInstanceUID", "size"), GB=("series_size_MB", "sum")
    ).reset_index()
    parts["GB"] = (parts["GB"] / 1000).map("{:.2f}".format)
    odd = [
        (text, kept[name].sum(), _example(kept[kept[name]]))
        for name, text in QUIRKS.items()
    ]
    lost = assigned[assigned["reason"].notna()].groupby("reason")
    rows = [(str(reason), len(part), _example(part)) for reason, part in lost]
    return "\n\n".join(
        [
            f"{len(assigned)} series: {len(kept)} assigned, "
            f"{len(assigned) - len(kept)} not. Listed, but not in the index: "
            f"{len(missing)}.",
            _markdown(list(parts.columns), parts.itertuples(index=False)),
            "Assigned, but odd:",
            _markdown(("what", "series", "for example"), odd),
            *(
                ["Not assigned:", _markdown(("why", "series", "for example"), rows)]
                if rows
                else []
            ),
        ]
    )


def _listed_series(cases: pd.DataFrame) -> pd.DataFrame:
    """Returns one row per listed series: its expected properties and its ROIs."""
    columns = ("study", "case", "part", "rois", "patient_id", "lesion_type")
    # A plain loop, since joining text by group takes a second in pandas.
    found: dict[str, tuple[dict[str, None], ...]] = {}
    for part in ("full", "crop", "mask"):
        for listed, *roi in zip(
            cases[f"{part}_listed"],
            cases["roi_id"],
            cases["patient_id"],
            cases["lesion_type"],
            strict=True,
        ):
            case, study, series, _ = listed.split("/")
            known = found.setdefault(series, tuple({} for _ in columns))
            # Dictionaries serve as ordered sets.
            for values, value in zip(known, (study, case, part, *roi), strict=True):
                values[value] = None
    table = pd.DataFrame(
        [
            (series, len(known[3]), *("+".join(values) for values in known))
            for series, known in found.items()
        ],
        columns=["SeriesInstanceUID", "n_rois", *columns],
        dtype=object,
    )
    table["rois"] = table["rois"].str.replace("+", " ", regex=False)
    return table


def _reasons(found: pd.DataFrame) -> pd.Series:
    """Returns why each series is not assigned, NA if it is."""
    reason = pd.Series(pd.NA, index=found.index, dtype="string")

    def add(rows: pd.Series, text: pd.Series | str) -> None:
        reason[:] = reason.mask(rows & reason.isna(), text)

    add(found["part"].isna(), "SeriesInstanceUID is in none of the case lists")
    add(
        ~found["part"].isin(list(DESCRIPTIONS))
        | found["case"].str.contains("+", regex=False),
        "the case lists name it for several cases or parts",
    )
    add(
        found["StudyInstanceUID"] != found["study"],
        "StudyInstanceUID differs from the case list",
    )
    add(
        (found["PatientID"] != found["case"]) & ~_has_short_id(found),
        "PatientID. Received: "
        + found["PatientID"].fillna("none")
        + "; expected "
        + found["case"].fillna(""),
    )
    expected = (found["part"] == "crop+mask").astype(int) + 1
    add(
        found["instanceCount"].fillna(0) != expected,
        "instances. Received: "
        + found["instanceCount"].astype(str)
        + "; expected "
        + expected.astype(str),
    )
    return reason


def _quirks(found: pd.DataFrame) -> dict[str, pd.Series]:
    said = found["SeriesDescription"].fillna("")
    agrees = pd.Series(
        [
            text in DESCRIPTIONS.get(part, ())
            for text, part in zip(said, found["part"], strict=True)
        ],
        index=found.index,
    )
    return {
        "no_description": said == "",
        "short_id": _has_short_id(found),
        "two_instances": found["part"] == "crop+mask",
        "contradicts_list": (said != "") & ~agrees,
        "several_rois": found["n_rois"].fillna(0) > 1,
    }


def _has_short_id(found: pd.DataFrame) -> pd.Series:
    # "Calc-Test_P_00038_LEFT_CC" may appear as "P_00038_LEFT_CC.dcm".
    short = found["case"].str.split("_", n=1).str[1] + ".dcm"
    return found["PatientID"] == short


def _example(series: pd.DataFrame) -> str:
    return f"`{series['PatientID'].iloc[0]}`" if len(series) else ""


def _markdown(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
