"""Which ROIs are views of one lesion."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from keras_wa.data.case_table import new_case_table
from keras_wa.data.lesions import (
    OtherViews,
    lesion_indices,
    lesion_numbers,
    views_note,
)

# patient, breast, view, number -> number in the end, lesion.
ROWS = [
    ("A", "LEFT", "CC", "1", "1", "a"),
    ("A", "LEFT", "MLO", "1", "1", "a"),
    ("A", "LEFT", "CC", "2", "2", "b"),
    ("A", "RIGHT", "CC", "1", "1", "c"),  # The other breast.
    ("B", "LEFT", "CC", "1", "1", "d"),  # Another patient.
    # Without a number: one ROI in each view.
    ("C", "LEFT", "CC", None, "1", "e"),
    ("C", "LEFT", "MLO", None, "1", "e"),
    ("C", "RIGHT", None, None, "1", "f"),
    # Two in one view.
    ("D", "LEFT", "CC", None, None, "g"),
    ("D", "LEFT", "CC", None, None, "h"),
    ("D", "LEFT", "MLO", None, None, "i"),
    # A number in the same breast, no view, no breast.
    ("E", "LEFT", "CC", "1", "1", "j"),
    ("E", "LEFT", "MLO", None, None, "k"),
    ("F", "LEFT", None, None, None, "l"),
    ("F", "LEFT", "MLO", None, None, "m"),
    ("G", None, "CC", None, None, "n"),
    ("G", None, "MLO", "1", "1", "o"),
    ("G", None, "MLO", "1", "1", "p"),
]


def cases() -> pd.DataFrame:
    names = ("patient_id", "breast", "view", "lesion")
    return new_case_table(
        {
            "roi_id": f"r{i}",
            "label": 0,
            "split": "train",
            **dict(zip(names, row, strict=False)),
        }
        for i, row in enumerate(ROWS)
    )


def test_rois_are_of_one_lesion_by_number_or_as_the_only_ones_in_their_views() -> None:
    numbers = lesion_numbers(cases())
    assert [None if pd.isna(n) else n for n in numbers] == [row[4] for row in ROWS]
    found = lesion_indices(cases())
    wanted = np.array([row[5] for row in ROWS])
    same = found[:, None] == found[None, :]
    np.testing.assert_array_equal(same, wanted[:, None] == wanted[None, :])


def test_the_order_of_the_rows_does_not_matter() -> None:
    shuffled = cases().sample(frac=1, random_state=0)
    numbers = lesion_numbers(shuffled)
    pd.testing.assert_series_equal(numbers.sort_index(), lesion_numbers(cases()))


def test_the_note_counts_the_rois_that_are_taken_alone() -> None:
    table = cases()
    assert "For 9 of 18 ROIs the lesion is unknown" in views_note(table)
    assert "unknown" not in views_note(table[:8])
    assert "different labels" not in views_note(table)
    table.loc[[0, 5], "label"] = 1
    assert "The ROIs of 2 lesions have different labels." in views_note(table)


def test_masses_and_calcifications_are_numbered_apart() -> None:
    """16 lesions of CBIS-DDSM have the same number in both of its lists."""
    rows = [
        ("A", "LEFT", "CC", "1", "mass"),
        ("A", "LEFT", "MLO", "1", "calcification"),
        ("A", "LEFT", "MLO", "1", "mass"),
        ("B", "LEFT", "CC", None, "mass"),
        ("B", "LEFT", "MLO", None, "calcification"),
    ]
    names = ("patient_id", "breast", "view", "lesion", "lesion_type")
    table = pd.DataFrame(rows, columns=names)
    numbers = ["mass 1", "calcification 1", "mass 1", "mass 1", "calcification 1"]
    assert lesion_numbers(table).tolist() == numbers
    a, b, c, d, e = lesion_indices(table)
    assert a == c
    assert len({a, b, d, e}) == 4
    of_one = table.assign(lesion_type="mass")
    assert lesion_numbers(of_one).tolist() == ["1", "1", "1", "1", "1"]


def test_a_number_is_the_same_however_it_is_written() -> None:
    rows = [("A", "LEFT", "CC", n) for n in ("1", "01", "1.0", "10", "x1")]
    table = pd.DataFrame(rows, columns=("patient_id", "breast", "view", "lesion"))
    assert lesion_numbers(table).tolist() == ["1", "1", "1", "10", "x1"]


def test_another_view_goes_before_the_same_one_and_that_before_the_roi_itself() -> None:
    rows = [("A", "LEFT", view, "1") for view in ("CC", "MLO", "MLO")]
    rows += [("A", "LEFT", "CC", "2"), ("A", "LEFT", "CC", "2")]
    rows += [("A", "RIGHT", "CC", "1")]
    names = ("patient_id", "breast", "view", "lesion")
    table = pd.DataFrame(rows, columns=names)
    views, rng = OtherViews.of(table), np.random.default_rng(0)
    drawn = np.array([views.draw(np.arange(6), rng) for _ in range(50)])
    wanted = [{1, 2}, {0}, {0}, {4}, {3}, {5}]
    assert [set(column) for column in drawn.T.tolist()] == wanted
    again = views.draw(np.arange(6), np.random.default_rng(0))
    np.testing.assert_array_equal(again, drawn[0])


@pytest.mark.parametrize("at", [[], [5, 5, 2]])
def test_some_are_drawn_in_the_order_given(at: list[int]) -> None:
    views = OtherViews.of(cases())
    found = views.draw(np.array(at, int), np.random.default_rng(0))
    assert found.tolist() == [{5: 6, 2: 2}[i] for i in at]
