from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from keras_wa.evaluate.levels import LEVELS, aggregate, image_ids


def table():
    """Two patients: one with two lesions in a breast, one with both breasts."""
    rows = [
        ("r1", "P1", "LEFT", "CC", "1", 0, 0.2),
        ("r2", "P1", "LEFT", "CC", "2", 1, 0.4),
        ("r3", "P1", "LEFT", "MLO", "1", 0, 0.7),
        ("r4", "P2", "LEFT", "CC", "1", 0, 0.1),
        ("r5", "P2", "RIGHT", "CC", "1", 1, 0.9),
    ]
    place = ["roi_id", "patient_id", "breast", "view", "lesion"]
    return pd.DataFrame(rows, columns=[*place, "label", "probability"])


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("roi", [(0, 0.2, 1), (1, 0.4, 1), (0, 0.7, 1), (0, 0.1, 1), (1, 0.9, 1)]),
        ("image", [(1, 0.4, 2), (0, 0.7, 1), (0, 0.1, 1), (1, 0.9, 1)]),
        ("lesion", [(0, 0.7, 2), (1, 0.4, 1), (0, 0.1, 1), (1, 0.9, 1)]),
        ("breast", [(1, 0.7, 3), (0, 0.1, 1), (1, 0.9, 1)]),
        ("patient", [(1, 0.7, 3), (1, 0.9, 2)]),
    ],
)
def test_each_unit_has_the_worst_of_its_rois(level, expected):
    found = aggregate(table(), level).table
    rows = found[["label", "probability", "n_rois"]].itertuples(index=False)
    assert [tuple(row) for row in rows] == expected
    assert set(LEVELS[level]) <= set(found.columns)
    assert "patient_id" in found


def test_at_one_threshold_a_patient_is_positive_where_an_roi_is():
    rng = np.random.default_rng(0)
    rois = pd.DataFrame(
        {
            "roi_id": range(80),
            "patient_id": rng.integers(25, size=80),
            "label": rng.integers(2, size=80),
            "probability": rng.random(80).astype(np.float32),
        }
    )
    pooled = aggregate(rois, "patient").table.set_index("patient_id")
    for name, own in rois.groupby("patient_id"):
        called = (own["probability"] >= 0.7).any()
        assert (pooled["probability"][name] >= 0.7) == called


def test_the_mean_is_an_option():
    found = aggregate(table(), "patient", "mean").table
    assert found["probability"].tolist() == pytest.approx([1.3 / 3, 0.5])
    assert found["label"].tolist() == [1, 1]


@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_the_order_of_the_rows_does_not_matter(pooling):
    rois = table().assign(probability=np.float32([0.2, 0.4, 0.7, 0.1, 0.9]))
    straight = aggregate(rois, "breast", pooling).table
    assert straight.equals(aggregate(rois[::-1], "breast", pooling).table)


def test_a_level_is_left_out_where_a_single_roi_has_no_place():
    rois = table()
    absent = rois.drop(columns="breast")
    for level in ("image", "lesion", "breast"):
        found = aggregate(absent, level)
        assert found.table is None
        assert found.reason == "the table has no column 'breast'"
    assert len(aggregate(absent, "patient").table) == 2
    rois.loc[3, "view"] = None
    assert image_ids(rois).isna().tolist() == [False, False, False, True, False]
    assert image_ids(rois)[4] == "P2_RIGHT_CC"
    assert aggregate(rois, "image").reason == "view is missing for 1 ROI"
    assert len(aggregate(rois, "breast").table) == 3
    rois[["breast", "view"]] = pd.NA
    assert aggregate(rois, "image").reason == "breast is missing for 5 ROIs"


def test_what_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"level must be one of .* Received: 'vessel'"):
        aggregate(table(), "vessel")
    with pytest.raises(ValueError, match=r"pooling must be .* Received: 'median'"):
        aggregate(table(), "patient", "median")
