from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from keras_wa.evaluate.audit.copy_checks import check_conflicts, check_duplicates
from keras_wa.evaluate.audit.perceptual_hash import turn_images
from keras_wa.evaluate.audit.pixels import SIZES, Pixels
from keras_wa.evaluate.audit.same_images import as_group, find_copies, linked
from tests.evaluate.audit.tables import pictures, table


def pixels_of(images, paths=None, digests=None, rows=None):
    """Pixels of ROIs, each from a file of its own unless told otherwise."""
    names = [f"{row}.png" for row in range(len(images))]
    files = {"path": paths or names, "digest": digests or names}
    return Pixels(
        np.arange(len(images)) if rows is None else np.array(rows),
        images,
        pd.DataFrame(np.ones((len(images), 4)), columns=list(SIZES)),
        pd.DataFrame(files, dtype="string"),
        [],
    )


def copied(first, second, symmetry=0, **files):
    """20 different images of 10 patients but for the second, a copy of the first."""
    images = pictures(20)
    images[second] = turn_images(images[first : first + 1], symmetry)[0]
    return pixels_of(images, **files)


def digests_of_copy(first, second):
    names = [str(row) for row in range(20)]
    names[second] = names[first]
    return names


def checks(cases, pixels):
    copies = find_copies(cases, pixels)
    return check_duplicates(copies), check_conflicts(copies)


def test_no_copies():
    duplicates, conflicts = checks(table(20), pixels_of(pictures(20)))
    assert (duplicates.verdict, conflicts.verdict) == ("ok", "ok")
    assert "No two of 20 ROIs" in duplicates.sentence
    assert duplicates.groups == conflicts.groups == []


@pytest.mark.parametrize(
    ("first", "second", "verdict", "where"),
    [
        (0, 19, "error", "across_parts"),
        (0, 4, "warning", "across_patients"),
        (0, 1, "note", "within_a_patient"),
    ],
)
def test_where_the_copies_are_decides(first, second, verdict, where):
    pixels = copied(first, second, digests=digests_of_copy(first, second))
    duplicates, _ = checks(table(20), pixels)
    assert duplicates.verdict == verdict
    assert duplicates.details["identical"][where] == 1
    assert duplicates.details["near"]["groups"] == 0
    (group,) = duplicates.groups
    assert group.kind == "identical"
    assert group.roi_ids == [f"roi_{first}", f"roi_{second}"]
    assert group.images == [first, second]
    assert bool(duplicates.advice) == (verdict != "note")


def test_a_turned_copy_in_another_file_is_near():
    duplicates, conflicts = checks(table(20), copied(0, 19, symmetry=3))
    assert duplicates.verdict == "error"
    assert duplicates.details["near"] == {
        "groups": 1,
        "rois": 2,
        "across_parts": 1,
        "across_patients": 0,
        "within_a_patient": 0,
    }
    (pair,) = duplicates.details["near_pairs"]
    assert pair["rois"] == ["roi_0", "roi_19"]
    assert pair["the_second_is"] == "rotated by 180 degrees"
    # Patients 0 and 9 have different labels.
    assert conflicts.verdict == "warning"
    assert conflicts.groups[0].labels == [0, 1]


def test_copies_of_a_file_under_both_labels_are_an_error():
    names = digests_of_copy(0, 2)
    for paths in (None, names):  # Two files, and one under two patients.
        pixels = copied(0, 2, paths=paths, digests=names)
        duplicates, conflicts = checks(table(20), pixels)
        assert (duplicates.verdict, conflicts.verdict) == ("warning", "error")
        assert conflicts.details["identical_pairs"] == 1
        assert conflicts.groups[0].roi_ids == ["roi_0", "roi_2"]


def test_different_windows_of_one_mammogram_or_of_copies_do_not_conflict():
    names = digests_of_copy(0, 1)
    pixels = pixels_of(pictures(20), paths=names, digests=names)
    assert [each.verdict for each in checks(table(20), pixels)] == ["ok", "ok"]
    pixels = pixels_of(pictures(20), digests=digests_of_copy(0, 2))
    assert [each.verdict for each in checks(table(20), pixels)] == ["warning", "ok"]


def test_nearly_the_same_window_of_one_mammogram_is_a_note():
    labels = [row // 2 % 2 for row in range(20)]
    labels[1] = 1
    names = digests_of_copy(0, 1)
    pixels = copied(0, 1, paths=names, digests=names)
    duplicates, conflicts = checks(table(20, label=labels), pixels)
    assert (duplicates.verdict, conflicts.verdict) == ("note", "note")
    assert duplicates.details["near"]["within_a_patient"] == 1
    assert conflicts.details["pairs_in_one_file"] == 1
    assert "side by side" in conflicts.sentence


def test_images_without_files_are_compared_by_their_looks():
    none = [pd.NA] * 20
    duplicates, _ = checks(table(20), copied(0, 19, paths=none, digests=none))
    assert duplicates.details["files_compared"] == 0
    assert duplicates.groups[0].kind == "near"


def test_rows_that_were_not_read_are_passed_over():
    images = pictures(20)
    images[19] = images[0]
    kept = [row for row in range(20) if row != 5]
    duplicates, _ = checks(table(20), pixels_of(images[kept], rows=kept))
    (group,) = duplicates.groups
    assert group.roi_ids == ["roi_0", "roi_19"]
    assert group.images == [0, 18]


def test_pairs_are_joined_to_groups():
    pairs = pd.DataFrame({"first": [4, 0, 2], "second": [6, 2, 5]})
    assert [rows.tolist() for rows in linked(pairs, 8)] == [[0, 2, 5], [4, 6]]
    assert linked(pairs.head(0), 8) == []


def test_a_group_has_few_thumbnails():
    group = as_group(table(20), np.arange(20), "near")
    assert (len(group.roi_ids), len(group.images)) == (20, 6)
