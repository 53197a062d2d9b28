"""The case table: one row an ROI, the same columns for every dataset.

Missing is `NA`, never 0, so every column has a nullable dtype of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from keras_wa.errors import UserError

# Python storage, so that the dtype does not depend on pyarrow being installed.
_TEXT = pd.StringDtype("python")
_COUNT = pd.Int64Dtype()
_LENGTH = pd.Float64Dtype()

COLUMNS: dict[str, Any] = {
    "roi_id": _TEXT,
    "patient_id": _TEXT,
    "breast": _TEXT,
    "view": _TEXT,
    "lesion": _TEXT,
    "lesion_type": _TEXT,
    "label": _COUNT,
    "pathology": _TEXT,
    "split": _TEXT,
    "density": _COUNT,
    "assessment": _COUNT,
    "subtlety": _COUNT,
    "morphology": _TEXT,
    "distribution": _TEXT,
    "image_path": _TEXT,
    "crop_path": _TEXT,
    "mask_path": _TEXT,
    "pixel_spacing_mm": _LENGTH,
    "box_left": _COUNT,
    "box_top": _COUNT,
    "box_width": _COUNT,
    "box_height": _COUNT,
}
"""The columns of a case table, in order, with their pandas dtypes.

`lesion` is the number of the abnormality in its breast, `lesion_type` what it is:
`calcification`, `mass` or `calcification+mass`. Paths are relative to the dataset's
root. The box is in pixels of the full image, from its top left corner.
"""

REQUIRED = ("roi_id", "patient_id", "label", "split")
"""The columns in which nothing may be missing."""

PARTS = ("train", "val", "test")
"""The values that `split` takes."""


def new_case_table(
    rows: pd.DataFrame | Iterable[Mapping[str, Any]],
) -> pd.DataFrame:
    """Makes a case table with every column and its fixed dtype.

    Args:
        rows: mappings or a data frame with any of the columns of `COLUMNS`. `None`,
            NaN and the empty string count as missing.

    Returns:
        A data frame with the columns of `COLUMNS` in order and the index 0..N-1.

    Raises:
        ValueError: if there is a column that `COLUMNS` does not know.
        UserError: if a value does not fit its column, such as a label `"benign"`.
    """
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
    unknown = [name for name in frame.columns if name not in COLUMNS]
    if unknown:
        raise ValueError(
            f"A case table has no column {unknown[0]!r}. Expected: {list(COLUMNS)}"
        )
    columns = {}
    for name, dtype in COLUMNS.items():
        if name not in frame.columns:
            columns[name] = pd.Series(pd.NA, index=range(len(frame)), dtype=dtype)
            continue
        values = frame[name].reset_index(drop=True)
        columns[name] = _as_text(values) if dtype == _TEXT else _as_number(values)
    return pd.DataFrame(columns).astype(COLUMNS)


def validate(
    cases: pd.DataFrame, source: str = "case table", patients_apart: bool = True
) -> None:
    """Checks what every later step relies on.

    Args:
        cases: a case table.
        source: what to call the table in the message, such as its file.
        patients_apart: whether a patient in two parts is an error; false only for the
            splits that exist to show what that does.

    Raises:
        UserError: if the table is empty; if `roi_id`, `patient_id`, `label` or `split`
            is missing somewhere; if a `roi_id` comes twice; if a label is not 0 or 1;
            if a split is not one of `PARTS`; if a patient is in two parts.
    """
    if cases.empty:
        raise UserError(f"{source}: no rows. Expected: at least one ROI.")
    for name in REQUIRED:
        missing = cases[name].isna()
        if missing.any():
            raise UserError(
                f"{source}: {name} is missing in {missing.sum()} rows, first in row "
                f"{missing.to_numpy().argmax() + 1}. Expected: a value in each row."
            )
    twice = cases["roi_id"].duplicated()
    if twice.any():
        raise UserError(
            f"{source}: roi_id {cases['roi_id'][twice].iloc[0]!r} is there more than "
            "once. Expected: a different roi_id in each row."
        )
    for name, allowed in (("label", (0, 1)), ("split", PARTS)):
        wrong = cases[~cases[name].isin(allowed)]
        if len(wrong):
            raise UserError(
                f"{source}: {name} of ROI {wrong['roi_id'].iloc[0]!r}. Received: "
                f"{str(wrong[name].iloc[0])!r}; expected one of {list(allowed)}."
            )
    if patients_apart:
        _check_patients_apart(cases, source)


def write_case_table(cases: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Writes a case table as CSV, so that `read_case_table` gives the same table.

    Args:
        cases: a case table; missing values become empty fields.
        path: the file to write; it is replaced in one step.
    """
    target = Path(path)
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    cases.to_csv(partial, index=False, lineterminator="\n", encoding="utf-8")
    os.replace(partial, target)


def read_case_table(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Reads a case table that `write_case_table` or another program wrote.

    Args:
        path: a CSV file with a header. Optional columns may be absent.

    Returns:
        The case table, as `new_case_table` gives it; not yet validated.

    Raises:
        UserError: if the file cannot be read as CSV, has an unknown column or lacks a
            required one, or holds a value that does not fit its column.
    """
    try:
        # Every column as text: pandas must not turn "0012" into 12 or "NA" into NaN.
        frame = pd.read_csv(
            path, dtype=_TEXT, keep_default_na=False, na_values=[""], encoding="utf-8"
        )
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: cannot be read as a case table ({error}). Expected: a CSV file "
            f"with the columns {', '.join(REQUIRED)}."
        ) from error
    absent = [name for name in REQUIRED if name not in frame.columns]
    if absent:
        raise UserError(
            f"{path}: column {absent[0]!r} is absent. Received: "
            f"{', '.join(frame.columns)}; expected at least {', '.join(REQUIRED)}."
        )
    unknown = [name for name in frame.columns if name not in COLUMNS]
    if unknown:
        raise UserError(
            f"{path}: unknown column {unknown[0]!r}. Expected: {', '.join(COLUMNS)}."
        )
    try:
        return new_case_table(frame)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _as_text(values: pd.Series) -> pd.Series:
    """Text of each value; 3.0 becomes "3", since a column with gaps turns to float."""

    def text(value: Any) -> Any:
        if pd.isna(value) or value == "":
            return pd.NA
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        return str(value)

    return pd.Series([text(value) for value in values], dtype=_TEXT)


def _as_number(values: pd.Series) -> pd.Series:
    """Numbers of a column, with a message that names the first that is none."""
    dtype = COLUMNS[str(values.name)]

    def number(value: Any) -> float | None:
        if pd.isna(value) or value == "":
            return None
        try:
            # Exact, which `pandas.to_numeric` was not for text before version 3.
            return float(value)
        except (TypeError, ValueError):
            return np.inf

    numbers = pd.Series([number(value) for value in values], dtype=_LENGTH)
    plain = numbers.to_numpy(np.float64, na_value=0.0)
    wrong = ~np.isfinite(plain)
    if dtype == _COUNT:
        wrong |= plain != np.floor(plain)
    if wrong.any():
        row = int(wrong.argmax())
        kind = "a whole number" if dtype == _COUNT else "a number"
        raise UserError(
            f"{values.name} in row {row + 1}. Received: {str(values.iloc[row])!r}; "
            f"expected {kind} or nothing."
        )
    return numbers.astype(dtype)


def _check_patients_apart(cases: pd.DataFrame, source: str) -> None:
    parts = cases.groupby("patient_id")["split"].nunique()
    torn = parts[parts > 1]
    if torn.empty:
        return
    patient = torn.index[0]
    where = sorted(cases.loc[cases["patient_id"] == patient, "split"].unique())
    raise UserError(
        f"{source}: {len(torn)} patients are in more than one part of the split. "
        f"Received: patient {patient!r} in {' and '.join(where)}; expected each in one "
        "part only."
    )
