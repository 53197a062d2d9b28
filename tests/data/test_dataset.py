"""A limit takes whole patients and keeps the look of the whole set."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from keras_wa.data.dataset import Dataset, Roi, limit_patients
from keras_wa.errors import UserError
from tests.data.tables import random_cases


@pytest.fixture
def dataset() -> Dataset:
    return Dataset(
        name="x",
        cases=random_cases(120, 0, test_share=0.25),
        read=lambda row: Roi(np.zeros((4, 4), np.uint8)),
        notes=["first"],
    )


@pytest.mark.parametrize("limit", [40, 100, 250])
@pytest.mark.parametrize("seed", range(3))
def test_whole_patients_are_taken_in_proportion(dataset, limit, seed):
    cases = dataset.cases
    kept = limit_patients(dataset, limit, seed).cases
    assert limit - 5 <= len(kept) <= limit
    whole = cases[cases["patient_id"].isin(set(kept["patient_id"]))]
    pd.testing.assert_frame_equal(kept, whole.reset_index(drop=True))
    for column, value in (("split", "test"), ("label", 1)):
        share = (cases[column] == value).mean()
        assert abs((kept[column] == value).mean() - share) < 1 / limit**0.5


def test_a_limit_says_what_it_did(dataset):
    limited = limit_patients(dataset, 60)
    assert limited.notes[0] == "first"
    assert f"of {len(dataset.cases)} ROIs" in limited.notes[1]
    assert dataset.notes == ["first"]


def test_a_limit_above_the_size_changes_nothing(dataset):
    assert limit_patients(dataset, len(dataset.cases)) is dataset


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        (0, "at least 1 ROI"),
        (2, r"`limit`\. Received: 2, which leaves no ROI"),
    ],
)
def test_a_limit_that_leaves_nothing_to_learn_is_a_user_error(dataset, limit, message):
    with pytest.raises(UserError, match=message):
        limit_patients(dataset, limit)
