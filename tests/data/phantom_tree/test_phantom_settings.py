from __future__ import annotations

import collections
import dataclasses

import pytest

from keras_wa.data.phantom_tree.phantom_settings import (
    CROP,
    FULL,
    MASK,
    TreeSettings,
    describe_full,
    number_of,
    quirks_of,
)
from keras_wa.errors import UserError
from keras_wa.phantom import PhantomSpec

SETTINGS = TreeSettings(
    spec=PhantomSpec(seed=1),
    image_shape=(300, 200),
    pixel_mm=0.2,
    compress="rle",
    swapped=0.3,
    mismatched=0.2,
    names="old",
)
NAMES = [f"roi {k}" for k in range(2000)]


def test_shares_are_those_that_were_asked_for():
    found = [quirks_of(name, SETTINGS) for name in NAMES]
    resized = [each.mask_shape != (300, 200) for each in found]
    described = collections.Counter(each.described for each in found)

    assert sum(each.swapped for each in found) / 2000 == pytest.approx(0.3, abs=0.04)
    assert sum(resized) / 2000 == pytest.approx(0.2, abs=0.04)
    assert 0.9 < described["right"] / 2000 < 0.95
    assert 0 < described["wrong"] < described["missing"]


def test_mismatched_masks_are_smaller_or_off_by_some_pixels():
    every = dataclasses.replace(SETTINGS, mismatched=1)
    shapes = {quirks_of(name, every).mask_shape for name in NAMES}

    assert (240, 160) in shapes
    others = shapes - {(240, 160)}
    assert len(others) > 10
    assert all(
        0 < 300 - rows <= 8 and 0 < columns - 200 <= 8 for rows, columns in others
    )


def test_descriptions_are_right_missing_or_wrong_as_said():
    for name in NAMES:
        quirks = quirks_of(name, SETTINGS)
        pair = quirks.crop, quirks.mask
        if quirks.described == "right":
            assert pair == (CROP, MASK)
        elif quirks.described == "missing":
            assert pair == ("", "")
        else:
            assert pair in {(MASK, CROP), (MASK, MASK), (CROP, CROP)}
    films = collections.Counter(describe_full(name, SETTINGS) for name in NAMES)
    assert set(films) == {FULL, ""}
    assert 0.02 < films[""] / 2000 < 0.08


@pytest.mark.parametrize(
    ("listed", "number", "new"),
    [
        ("a/b/c/000000.dcm", 0, "a/b/c/1-1.dcm"),
        ("a/b/c/000001.dcm", 1, "a/b/c/1-2.dcm"),
        ("a/b/c/1-2.dcm", 1, "a/b/c/1-2.dcm"),
    ],
)
def test_new_names_count_from_one(listed, number, new):
    assert number_of(listed) == number
    assert SETTINGS.path(listed) == listed
    assert dataclasses.replace(SETTINGS, names="new").path(listed) == new


@pytest.mark.parametrize(
    "change",
    [
        {"image_shape": (300, 63)},
        {"image_shape": (20001, 300)},
        {"pixel_mm": 0.4},
        {"compress": "jpeg"},
        {"swapped": 1.2},
        {"mismatched": -0.1},
        {"names": "newer"},
    ],
)
def test_a_value_out_of_range_is_named(change):
    (field,) = change
    with pytest.raises(UserError, match=f"`{field}`.* Received: "):
        dataclasses.replace(SETTINGS, **change)
