"""The columns of a case table that the evaluation uses, as categories."""

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
"""What predictions take over from the case table, where it has it."""

MISSING = "NA"
"""The category of what was not stated."""


def as_categories(values: pd.Series) -> pd.Series:
    """The values as text, where missing is a category of its own.

    Args:
        values: of any dtype; whole numbers look the same in a column of floats, which
            pandas makes of one with gaps.

    Returns:
        Text, dtype object, with the same index.
    """

    def text(value: Any) -> str:
        if pd.isna(value):
            return MISSING
        whole = isinstance(value, float) and value.is_integer()
        return str(int(value) if whole else value)

    return pd.Series([text(value) for value in values], values.index, object)
