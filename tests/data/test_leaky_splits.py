"""Splits that leak do it as the numbers that they stand for, and say so."""

from __future__ import annotations

import pandas as pd
import pytest

from keras_wa.data import split_cases, split_hash
from keras_wa.data.leaky_splits import COPIES, LEAKY_SPLITS, copy_rois
from keras_wa.data.splits import SPLITS
from keras_wa.errors import UserError
from tests.data.tables import random_cases

CASES = random_cases(60, 0, test_share=0.2)


def test_each_roi_is_there_six_times_first_as_itself():
    copies = copy_rois(CASES, seed=0)
    assert COPIES == 6
    assert len(copies) == 6 * len(CASES)
    assert list(copies.index) == list(range(len(copies)))
    assert list(copies["source_roi_id"][::6]) == list(CASES["roi_id"])
    assert set(copies["symmetry"][::6]) == {0}
    for _, theirs in copies.groupby("source_roi_id"):
        assert len(set(theirs["symmetry"])) == 6
        assert set(theirs["symmetry"]) <= set(range(8))


def test_all_seven_other_symmetries_are_drawn_alike():
    counts = copy_rois(CASES, seed=0)["symmetry"].value_counts()
    expected = len(CASES) * 5 / 7
    assert all(abs(counts[s] - expected) < 4 * expected**0.5 for s in range(1, 8))


def test_a_copy_is_its_source_but_for_its_name():
    copies = copy_rois(CASES, seed=0)
    sources = CASES.set_index("roi_id", drop=False).loc[copies["source_roi_id"]]
    same = [name for name in CASES.columns if name != "roi_id"]
    pd.testing.assert_frame_equal(
        copies[same], sources[same].reset_index(drop=True), check_dtype=True
    )
    names = copies["source_roi_id"] + "#" + copies["symmetry"].astype(str)
    assert list(copies["roi_id"]) == list(names)
    assert copies["roi_id"].is_unique
    assert copies["roi_id"].dtype == CASES["roi_id"].dtype


def test_the_seed_decides_which_copies_there_are():
    first = copy_rois(CASES, seed=1)
    pd.testing.assert_frame_equal(copy_rois(CASES, seed=1), first)
    assert list(copy_rois(CASES, seed=2)["roi_id"]) != list(first["roi_id"])


def test_copies_of_most_test_rois_are_trained_on():
    result = split_cases(CASES, "augmented-first")
    share = (CASES["split"] == "test").mean()
    assert abs((result["split"] == "test").mean() - share) < 0.01
    trained = set(result.loc[result["split"] == "train", "source_roi_id"])
    tested = set(result.loc[result["split"] == "test", "source_roi_id"])
    assert len(tested & trained) > 0.95 * len(tested)
    for part in ("train", "val", "test"):
        labels = result.loc[result["split"] == part, "label"]
        assert abs(labels.mean() - CASES["label"].mean()) < 0.02


def test_the_name_of_the_split_follows_from_the_copies_too():
    result = split_cases(CASES, "augmented-first")
    assert split_hash(result.sample(frac=1, random_state=0)) == split_hash(result)
    moved = result.copy()
    moved.loc[1, "roi_id"] = moved["source_roi_id"][1] + "#x"
    assert split_hash(moved) != split_hash(result)


@pytest.mark.parametrize("how", LEAKY_SPLITS)
def test_each_says_that_it_inflates_and_what_to_use_instead(how):
    assert how in SPLITS
    notice = LEAKY_SPLITS[how]
    assert notice.startswith(f"Split {how}: ")
    assert "every number on this page is inflated" in notice
    assert "'official' or 'patient-kfold'" in notice


def test_too_few_rois_are_a_user_error():
    few = CASES.iloc[:2]
    with pytest.raises(UserError, match="Too few ROIs for the 'val' part"):
        split_cases(few, "random-roi")
