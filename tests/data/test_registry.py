"""Datasets are found by name and come with a valid case table."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from keras_wa.data import ReadOptions, load_cases
from keras_wa.data.splits import check_split
from keras_wa.errors import UserError
from keras_wa.phantom import PhantomSpec, render_mask, render_roi
from keras_wa.testing import run_dataset_test

SPEC = PhantomSpec(seed=3, size=32, field_mm=6.4)


def test_the_phantom_is_a_dataset_like_the_others():
    dataset = run_dataset_test(lambda *_: load_cases("phantom", phantom=SPEC))
    assert len(dataset.cases) == 1872
    check_split(dataset.cases)
    assert set(dataset.cases["split"]) == {"train", "test"}
    row = dataset.cases.iloc[17]
    np.testing.assert_array_equal(dataset.read(row).pixels, render_roi(SPEC, row))
    assert dataset.read_block is not None
    assert dataset.read_mask is not None
    mask = dataset.read_mask(row)
    np.testing.assert_array_equal(mask, render_mask(SPEC, row, outline=True))
    assert dataset.source == {
        "phantom": {
            "version": 2,
            "seed": 3,
            "size": 32,
            "field_mm": 6.4,
            "labelling": "descriptor",
            "conspicuity": 1.0,
            "blur_mm": None,
            "projected_views": False,
        }
    }


def test_a_phantom_says_that_it_is_one_and_what_is_possible():
    clinical = PhantomSpec(labelling="clinical")
    for spec, best in ((PhantomSpec(), "1.000"), (clinical, r"0.")):
        notes = load_cases("phantom", phantom=spec).notes
        assert "phantom" in notes[0]
        assert f"possible AUC on it is {best}" in notes[0]
        assert "projected" not in notes[0]
    projected = load_cases("phantom", phantom=PhantomSpec(projected_views=True))
    assert "version 2, projected views)" in projected.notes[0]
    assert projected.source["phantom"]["projected_views"] is True


def test_the_default_does_not_tell_the_size_of_the_lesion():
    options = ReadOptions()
    assert (options.crop, options.field_mm) == ("fixed", 25.6)
    assert options.lesion == "calcification"
    assert not options.drop_without_callback


def test_a_folder_takes_its_arguments(tmp_path):
    for label in "01":
        (tmp_path / label).mkdir()
        for index in range(10):
            image = np.full((4, 4), index + 10 * int(label), np.uint8)
            cv2.imwrite(str(tmp_path / label / f"{label}{index}.png"), image)
    dataset = load_cases("folder", tmp_path, r"^(\d\d)", limit=12, seed=1)
    assert dataset.name == "folder"
    assert len(dataset.cases) == 12
    assert set(dataset.cases["patient_id"].str.len()) == {2}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fantom", "Unknown dataset. Received: 'fantom'; did you mean 'phantom'"),
        ("folder", "folder without `data_dir`"),
    ],
)
def test_a_dataset_that_cannot_be_loaded_is_a_user_error(name, message):
    with pytest.raises(UserError, match=message):
        load_cases(name)


def test_an_audit_may_see_a_patient_in_two_parts(tmp_path):
    image = np.zeros((32, 32), np.uint8)
    for part in ("train", "test"):
        for label in ("0", "1"):
            folder = tmp_path / part / label
            folder.mkdir(parents=True)
            for patient in ("p1", "p2"):
                assert cv2.imwrite(str(folder / f"{patient}_{label}.png"), image)
    options = ReadOptions(patients_apart=False)
    with pytest.raises(UserError, match="2 patients are in more than one part"):
        load_cases("folder", tmp_path, r"^(p\d)")
    dataset = load_cases("folder", tmp_path, r"^(p\d)", limit=6, options=options)
    assert set(dataset.cases["split"]) == {"train", "test"}
