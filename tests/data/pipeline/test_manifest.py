"""What the store says of its ROIs, counted from what reading each found out."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time

import cv2
import numpy as np
import pytest

from keras_wa.data import Roi
from keras_wa.data.pipeline import prepare
from keras_wa.data.pipeline.manifest import describe_settings, store_key
from tests.data.pipeline.folders import make_folder, open_folder


@pytest.fixture
def dataset(tmp_path):
    """Class folders whose ROIs tell more than a plain image does."""
    plain = open_folder(make_folder(tmp_path / "data"))
    number = {name: row for row, name in enumerate(plain.cases["roi_id"])}

    def read(row) -> Roi:
        roi = plain.read(row)
        index = number[row["roi_id"]]
        return Roi(
            roi.pixels,
            {
                **roi.facts,
                "swapped": index < 3,
                "mask_resized": index == 5,
                "padding": 0.25 if index in (1, 2) else 0.0,
                "pixel_spacing_mm": 0.05 if index < 4 else 0.046,
                "spacing_from": "PixelSpacing" if index < 4 else "assumed",
                "notes": [f"window: left out, {index}"] if index in (2, 3) else [],
                "size_mm": [10.0, 20.0 + index],
            },
        )

    return dataclasses.replace(plain, read=read)


def test_what_was_found_is_counted(dataset, tmp_path):
    manifest = prepare(dataset, tmp_path / "out", 32).manifest
    assert manifest["facts"] == {
        "swapped": 3,
        "mask_resized": 1,
        "beyond_the_image": 2,
        "spacing_from": {"PixelSpacing": 4, "assumed": 20},
        "size_mm": {"min": [10, 20], "median": [10, 31.5], "max": [10, 43]},
    }


def test_notes_of_one_kind_are_one_sentence_with_their_number(dataset, tmp_path):
    plain = len(dataset.notes)
    store = prepare(dataset, tmp_path / "out", 32)
    first = store.cases["roi_id"][2]
    assert store.notes[plain:] == [
        f"2 of 24 ROIs have this note, such as {first}: window: left out, 2"
    ]


def test_the_spacing_that_was_used_stands_in_the_case_table(dataset, tmp_path):
    known = dataset.cases.assign(pixel_spacing_mm=[0.1] + [np.nan] * 23)
    known["pixel_spacing_mm"] = known["pixel_spacing_mm"].astype("Float64")
    store = prepare(dataclasses.replace(dataset, cases=known), tmp_path / "out", 32)
    assert list(store.cases["pixel_spacing_mm"]) == [0.1] + [0.05] * 3 + [0.046] * 20


@pytest.mark.parametrize("column", ["crop_path", "mask_path"])
def test_the_key_counts_crops_and_masks_too(dataset, column):
    settings = describe_settings(dataset, (32, 32))
    paths = dataset.cases["image_path"]
    cases = dataset.cases.assign(image_path=dataset.cases["crop_path"])
    other = dataclasses.replace(dataset, cases=cases.assign(**{column: paths}))
    key = store_key(other, settings)
    path = dataset.root / paths[0]
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    assert store_key(other, settings) != key


def zeros(root) -> None:
    """Black images in place of all images, of the same size on disk and time."""
    for path in root.glob("*/*.pgm"):
        times = path.stat()
        assert cv2.imwrite(str(path), np.zeros((32, 32), np.uint8))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert path.stat().st_size == times.st_size


@pytest.fixture
def pgms(tmp_path):
    """A folder of PGM files, which are of one size whatever their pixels."""
    root = make_folder(tmp_path / "data")
    for path in list(root.glob("*/*.png")):
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert cv2.imwrite(str(path.with_suffix(".pgm")), image)
        path.unlink()
    time.sleep(0.05)  # Some file systems count time in steps of 10 ms.
    return root


def test_other_files_of_the_same_names_sizes_and_times_have_their_own_pixels(
    pgms, tmp_path
):
    other = shutil.copytree(pgms, tmp_path / "other")
    zeros(other)
    stores = [
        prepare(open_folder(root), tmp_path / "out", 32) for root in (pgms, other)
    ]
    assert np.any(stores[0].images)
    assert not np.any(stores[1].images)


def test_a_file_whose_time_was_put_back_is_read_again(pgms, tmp_path):
    assert np.any(prepare(open_folder(pgms), tmp_path / "out", 32).images)
    zeros(pgms)
    assert not np.any(prepare(open_folder(pgms), tmp_path / "out", 32).images)
