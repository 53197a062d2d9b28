from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from keras_wa.data.case_table import COLUMNS
from keras_wa.data.columns import CASE_COLUMNS, as_categories


@pytest.mark.parametrize(
    "values",
    [
        pd.array([3, None, 1], dtype="Int64"),
        [3.0, np.nan, 1.0],
        ["3", None, "1"],
        pd.array(["3", pd.NA, "1"], dtype="string"),
    ],
)
def test_a_category_looks_the_same_in_any_column(values):
    found = as_categories(pd.Series(values, index=[7, 8, 9]))
    assert found.to_dict() == {7: "3", 8: "NA", 9: "1"}


def test_what_is_no_whole_number_keeps_its_text():
    assert as_categories(pd.Series([0.5, 2.0])).tolist() == ["0.5", "2"]
    assert as_categories(pd.Series(["A-B", "2.0"])).tolist() == ["A-B", "2.0"]


def test_the_columns_are_columns_of_a_case_table():
    assert set(CASE_COLUMNS) < set(COLUMNS)
