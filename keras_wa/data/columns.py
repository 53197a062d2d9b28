"""Columns of a case table that the evaluation uses as categories."""

from __future__ import annotations

from typing import Any

import pandas as pd

CASE_COLUMNS = (
    "breast",
    "view",
    "density",
    "morphology",
    "distribution",
    "subtlety",
    "assessment",
)
"""Columns that predictions copy from the case table."""

MISSING = "NA"
"""The category of missing values."""


def as_categories(values: pd.Series) -> pd.Series:
    """Converts values to text, with a category for missing ones.

    Args:
        values: values of any dtype; 3.0 becomes "3", since columns with gaps are float.

    Returns:
        Text, dtype object, with the same index.
    """

    def text(value: Any) -> str:
        if pd.isna(value):
            return MISSING
        whole = isinstance(value, float) and value.is_integer()
        return str(int(value) if whole else value)

    return pd.Series([text(value) for value in values], values.index, object)
