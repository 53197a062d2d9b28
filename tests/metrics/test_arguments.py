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


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ([], "non-empty"),
        ([[0, 1]], "vector"),
        (1, "vector"),
        ([0, 2, 1], "2.0 at index 1"),
        ([0, 0.5], "0.5 at index 1"),
        ([0, None], "y_true must be"),
        (["benign", "malignant"], "must be numbers"),
        (pd.Series([0, pd.NA], dtype="Int64"), "y_true must be"),
        (pd.Series([0, pd.NA], dtype=object), "must be numbers"),
    ],
)
def test_malformed_labels_are_refused(labels, told):
    with pytest.raises(ValueError, match=told):
        as_labels(labels)


@pytest.mark.parametrize("bad", [-0.01, 1.01, np.nan, np.inf])
def test_probabilities_outside_0_to_1_are_refused(bad):
    with pytest.raises(ValueError, match=r"\[0, 1\]. Received: \S+ at index 2"):
        as_probabilities([0.0, 1.0, bad])


def test_softmax_pairs_are_refused_as_probabilities():
    with pytest.raises(ValueError, match=r"shape \(3, 2\)"):
        as_probabilities(np.full((3, 2), 0.5))


def test_float32_probabilities_keep_their_value():
    assert as_probabilities(np.float32([0.1]))[0] == float(np.float32(0.1))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_refused(bad):
    with pytest.raises(ValueError, match=r"finite. Received: \S+ at index 1"):
        as_scores([-7.0, bad])


def test_scores_of_any_range_pass():
    assert as_scores([-7, 255]).tolist() == [-7.0, 255.0]


def test_groups_are_numbered_in_sorted_order():
    codes, n_groups = as_group_codes(["b", "a", "c", "b"])
    assert codes.tolist() == [1, 0, 2, 1]
    assert n_groups == 3


@pytest.mark.parametrize("groups", [["a", None], [1.0, np.nan], ["a", pd.NA]])
def test_missing_groups_are_refused(groups):
    with pytest.raises(ValueError, match="NA at index 1"):
        as_group_codes(groups)


def test_no_groups_are_refused():
    with pytest.raises(ValueError, match="empty"):
        as_group_codes([])


def test_unequal_lengths_are_refused_by_name():
    with pytest.raises(ValueError, match="labels 2, groups 3"):
        require_equal_lengths(labels=np.zeros(2), groups=np.zeros(3))
