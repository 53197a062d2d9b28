"""Columns of a case table that the evaluation uses as categories."""

from __future__ import annotations

import pandas as pd

from keras_wa.data.case_table import as_text

CASE_COLUMNS = (
    "breast",
    "view",
    "lesion",
    "density",
    "morphology",
    "distribution",
    "subtlety",
    "assessment",
)
"""Columns that predictions copy from the case table; `lesion` is completed as by
`keras_wa.data.lesions.lesion_numbers`."""

MISSING = "NA"
"""The category of missing values."""


def as_categories(values: pd.Series) -> pd.Series:
    """Converts values to text, with a category for missing ones.

    3.0 becomes "3", since columns with gaps are float.
    """
    texts = [MISSING if pd.isna(value) else as_text(value) for value in values]
    return pd.Series(texts, values.index, object)
