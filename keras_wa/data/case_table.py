"""The case table: one row per ROI, the same columns for every data set.

Missing values are `NA`, never 0, so that every column has a nullable dtype.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from keras_wa.errors import UserError
from keras_wa.files import replacing

# Python storage: the default depends on whether pyarrow is installed.
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

`lesion` is the number of the abnormality in its breast; `lesion_type` is
`calcification`, `mass` or `calcification+mass`. Paths are relative to the data set's
root. The box is in pixels of the full image, from its top left corner.
"""

REQUIRED = ("roi_id", "patient_id", "label", "split")
"""The columns without missing values."""

PARTS = ("train", "val", "test")
"""The values of `split`."""


def new_case_table(
    rows: pd.DataFrame | Iterable[Mapping[str, Any]],
) -> pd.DataFrame:
    """Creates a case table, with every column in its fixed dtype.

    The columns are `roi_id`, `patient_id`, `label` (0 or 1) and `split` (`train`,
    `val`, `test`), which must not have missing values; and `breast`, `view`, `lesion`,
    `lesion_type`, `pathology`, `density`, `assessment`, `subtlety`, `morphology`,
    `distribution`, `image_path`, `crop_path`, `mask_path`, `pixel_spacing_mm`,
    `box_left`, `box_top`, `box_width` and `box_height` (pixels of the full image).
    Paths are relative to the data set's root.

    Args:
        rows: mappings or a data frame with any of these columns. None, NaN and the
            empty string are missing values.

    Returns:
        A data frame with all columns in order and the index 0 to N-1.

    Raises:
        ValueError: a column is unknown.
        UserError: a value does not fit its column, such as a label `"benign"`.

    Example:
        >>> from keras_wa.data import new_case_table
        >>> row = {"roi_id": "a1", "patient_id": "a", "label": 1, "split": "train"}
        >>> cases = new_case_table([row])
        >>> cases.shape, cases["label"].dtype, cases["density"].isna().all().item()
        ((1, 22), Int64Dtype(), True)
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
        if dtype == _TEXT:
            texts = [pd.NA if pd.isna(v) or v == "" else as_text(v) for v in values]
            columns[name] = pd.Series(texts, dtype=_TEXT)
        else:
            columns[name] = _as_number(values)
    return pd.DataFrame(columns).astype(COLUMNS)


def validate(
    cases: pd.DataFrame, source: str = "case table", patients_apart: bool = True
) -> None:
    """Raises a `UserError` if a case table is not what splits rely on.

    That is: not empty, `REQUIRED` columns without missing values, a unique `roi_id`,
    labels 0 or 1, a split in `PARTS`, and each patient in one part, unless
    `patients_apart` is false (for `LEAKY_SPLITS`). `source` names the table.
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
            f"{source}: roi_id {cases['roi_id'][twice].iloc[0]!r} occurs more than "
            "once. Expected: a different roi_id in each row."
        )
    for name, allowed in (("label", (0, 1)), ("split", PARTS)):
        wrong = cases[~cases[name].isin(allowed)]
        if len(wrong):
            raise UserError(
                f"{source}: {name} of ROI {wrong['roi_id'].iloc[0]!r}. Received: "
                f"{str(wrong[name].iloc[0])!r}; expected one of {list(allowed)}."
            )
    parts = cases.groupby("patient_id")["split"].unique()
    leaked = parts[parts.map(len) > 1]
    if patients_apart and len(leaked):
        raise UserError(
            f"{source}: {len(leaked)} patients are in more than one part of the split. "
            f"Received: patient {leaked.index[0]!r} in "
            f"{' and '.join(sorted(leaked.iloc[0]))}; expected each in one part only."
        )


def write_case_table(cases: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Writes a case table as CSV for `read_case_table`, atomically."""
    with replacing(Path(path)) as partial:
        cases.to_csv(partial, index=False, lineterminator="\n", encoding="utf-8")


def read_case_table(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Reads a case table from CSV, without `validate`. Optional columns may be absent.

    Raises:
        UserError: the file is not CSV, has an unknown column or lacks a required one,
            or a value does not fit its column.
    """
    try:
        # As text: pandas must not turn "0012" into 12 or "NA" into NaN.
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
    try:
        return new_case_table(frame)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error


def as_text(value: Any) -> str:
    """Returns a value's text; 3.0 becomes "3", since columns with gaps are float."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value)


def _as_number(values: pd.Series) -> pd.Series:
    """Converts a column to numbers; the error names the first value that is none."""
    dtype = COLUMNS[str(values.name)]

    def number(value: Any) -> float | None:
        if pd.isna(value) or value == "":
            return None
        try:
            # `pandas.to_numeric` is not exact for text before version 3.
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
