"""The class of an ROI follows from its label and pathology; malignant is the last."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from keras_wa.data import new_case_table
from keras_wa.data.classes import CLASS_NAMES, class_indices, require_every_class
from keras_wa.errors import UserError
from keras_wa.phantom import PhantomSpec, phantom_cases

WITHOUT, BENIGN, MALIGNANT = "BENIGN_WITHOUT_CALLBACK", "BENIGN", "MALIGNANT"


def table(*rows: tuple[int, str | None, str]) -> pd.DataFrame:
    return new_case_table(
        {
            "roi_id": f"r{i}",
            "patient_id": f"p{i}",
            "label": label,
            "pathology": pathology,
            "split": part,
        }
        for i, (label, pathology, part) in enumerate(rows)
    )


ALL = [(0, BENIGN), (1, MALIGNANT), (0, WITHOUT), (0, BENIGN)]


def test_two_classes_are_the_labels_whatever_the_pathology():
    found = class_indices(table((1, None, "train"), (0, "any", "train")), 2)
    assert found.dtype == np.int64
    assert found.tolist() == [1, 0]


def test_three_classes_are_the_pathologies_of_cbis_ddsm():
    found = class_indices(table(*[(*each, "train") for each in ALL]), 3)
    assert found.dtype == np.int64
    assert found.tolist() == [1, 2, 0, 1]


@pytest.mark.parametrize("classes", [2, 3])
def test_the_last_class_is_malignant(classes):
    cases = phantom_cases(PhantomSpec(), n=200)
    malignant = class_indices(cases, classes) == classes - 1
    np.testing.assert_array_equal(malignant, cases["label"].to_numpy(int))
    assert len(CLASS_NAMES[classes]) == classes
    assert CLASS_NAMES[classes][-1] == "malignant"


@pytest.mark.parametrize(
    ("label", "pathology", "received"),
    [
        (0, None, "nothing with label 0"),
        (1, None, "nothing with label 1"),
        (0, "normal", "normal with label 0"),
        (0, MALIGNANT, "MALIGNANT with label 0"),
        (1, BENIGN, "BENIGN with label 1"),
    ],
)
def test_a_pathology_of_no_use_is_named_with_its_roi(label, pathology, received):
    cases = table((0, BENIGN, "train"), (label, pathology, "train"))
    with pytest.raises(UserError, match=f"1 of 2 ROIs.*'r1'.*Received: {received};"):
        class_indices(cases, 3)


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_a_part_that_lacks_a_class_is_named(part):
    others = {"train", "val", "test"} - {part}
    whole = [(*each, other) for other in sorted(others) for each in ALL]
    cases = table(*whole, (0, BENIGN, part), (1, MALIGNANT, part))
    message = f"Part '{part}'.*0 benign without callback, 1 benign, 1 malignant"
    with pytest.raises(UserError, match=message):
        require_every_class(cases, 3)
    require_every_class(cases, 2)


def test_a_part_that_is_not_there_lacks_nothing():
    whole = [(*each, "train") for each in ALL]
    assert require_every_class(table(*whole), 3) is None
    with pytest.raises(UserError, match="Part 'val'"):
        require_every_class(table(*whole, (0, BENIGN, "val")), 3)
