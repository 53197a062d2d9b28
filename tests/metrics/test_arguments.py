from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from keras_wa.metrics.arguments import (
    as_group_codes,
    as_labels,
    as_probabilities,
    as_scores,
    require_equal_lengths,
)


@pytest.mark.parametrize(
    "labels",
    [
        [0, 1, 1],
        [False, True, True],
        np.array([0, 1, 1], np.uint8),
        pd.Series([0, 1, 1], dtype="Int64", index=[7, 8, 9]),
    ],
)
def test_labels_of_any_type_become_int64(labels):
    result = as_labels(labels)
    assert result.dtype == np.int64
    assert result.tolist() == [0, 1, 1]


def test_scores_keep_their_value():
    assert as_probabilities(np.float32([0.1]))[0] == float(np.float32(0.1))
    assert as_scores([-7, 255]).tolist() == [-7.0, 255.0]


@pytest.mark.parametrize(
    ("check", "value", "told"),
    [
        (as_labels, [], "non-empty"),
        (as_labels, [[0, 1]], "vector"),
        (as_labels, 1, "vector"),
        (as_labels, [0, 2, 1], "2.0 at index 1"),
        (as_labels, [0, 0.5], "0.5 at index 1"),
        (as_labels, [0, None], "y_true must be 0 or 1"),
        (as_labels, ["benign", "malignant"], "must be numbers"),
        (as_labels, pd.Series([0, pd.NA], dtype="Int64"), "y_true must be"),
        (as_labels, pd.Series([0, pd.NA], dtype=object), "must be numbers"),
        *(
            (as_probabilities, [0.0, 1.0, bad], r"\[0, 1\]. Received: \S+ at index 2")
            for bad in (-0.01, 1.01, np.nan, np.inf)
        ),
        # Softmax pairs.
        (as_probabilities, np.full((3, 2), 0.5), r"shape \(3, 2\)"),
        *(
            (as_scores, [-7.0, bad], r"finite. Received: \S+ at index 1")
            for bad in (np.nan, np.inf, -np.inf)
        ),
        (as_group_codes, ["a", None], "NA at index 1"),
        (as_group_codes, [1.0, np.nan], "NA at index 1"),
        (as_group_codes, ["a", pd.NA], "NA at index 1"),
        (as_group_codes, [], "empty"),
    ],
)
def test_what_is_malformed_is_refused(check, value, told):
    with pytest.raises(ValueError, match=told):
        check(value)


def test_groups_are_numbered_in_sorted_order():
    codes, n_groups = as_group_codes(["b", "a", "c", "b"])
    assert codes.tolist() == [1, 0, 2, 1]
    assert n_groups == 3


def test_unequal_lengths_are_refused_by_name():
    with pytest.raises(ValueError, match="labels 2, groups 3"):
        require_equal_lengths(labels=np.zeros(2), groups=np.zeros(3))
