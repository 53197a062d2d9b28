from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from keras_wa.data import Dataset, Roi, load_cases
from keras_wa.data.io.resize import resize
from keras_wa.evaluate.audit.pixels import read_pixels
from keras_wa.phantom import PhantomSpec
from tests.evaluate.audit.tables import pictures, table


@pytest.fixture
def folder(tmp_path):
    for row, image in enumerate(pictures(80, size=40)):
        path = tmp_path / str(row % 2) / f"{row // 4:02}_{row}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), image[:, :30])
    return load_cases("folder", tmp_path, r"^(\d+)")


def test_pixels_sizes_and_files(folder):
    pixels = read_pixels(folder, size=24, progress=False)
    assert pixels.rows.tolist() == list(range(80))
    assert pixels.images.shape == (80, 24, 24)
    roi = folder.read(folder.cases.iloc[50])
    assert np.array_equal(pixels.images[50], resize(roi.pixels, (24, 24)))
    name = folder.cases["image_path"][50]
    assert pixels.files.iloc[50].tolist() == [name, roi.facts["sources"][name]]
    size = (folder.root / name).stat().st_size
    assert pixels.sizes.iloc[50].tolist() == [40, 30, 0.75, size]
    assert pixels.skipped == []


def test_a_bad_file_is_skipped_with_its_reason(folder):
    name = folder.cases["image_path"][3]
    (folder.root / name).write_bytes(b"no image")
    pixels = read_pixels(folder, size=24, progress=False)
    assert pixels.rows.tolist() == [0, 1, 2, *range(4, 80)]
    assert len(pixels.images) == len(pixels.sizes) == len(pixels.files) == 79
    roi = folder.read(folder.cases.iloc[4])
    assert np.array_equal(pixels.images[3], resize(roi.pixels, (24, 24)))
    assert pixels.skipped[0][0] == folder.cases["roi_id"][3]


def test_nothing_can_be_read(folder):
    empty = dataclasses.replace(folder, root=folder.root / "elsewhere")
    for name in folder.cases["image_path"]:
        (folder.root / name).unlink()
    pixels = read_pixels(empty, size=24, progress=False)
    assert (len(pixels.rows), pixels.images.shape) == (0, (0, 24, 24))
    assert len(pixels.skipped) == 80


def test_a_limit_draws_rows_that_the_seed_decides(folder):
    one, two, other = (
        read_pixels(folder, 20, 24, seed, progress=False).rows for seed in (0, 0, 1)
    )
    assert len(set(one)) == 20
    assert (np.diff(one) > 0).all()
    assert one.tolist() == two.tolist() != other.tolist()
    assert len(read_pixels(folder, 1000, 24, progress=False).rows) == 80


def test_a_computed_dataset_has_no_files():
    dataset = load_cases(
        "phantom", phantom=PhantomSpec(size=64, field_mm=12.8), limit=40
    )
    pixels = read_pixels(dataset, 10, 32, progress=False)
    assert pixels.files.isna().all(axis=None)
    assert pixels.sizes["bytes"].isna().all()
    assert (pixels.sizes["height"] == 64).all()


def test_the_file_of_the_image_and_not_of_its_mask():
    cases = table(4, image_path=["a", "a", None, None], mask_path=["m", "a", "n", None])
    sources = [{"m": "1", "a": "2"}, {"a": "2"}, {"crop": "3"}, {}]

    def read(row):
        number = int(row["roi_id"][-1])
        return Roi(np.ones((5, 5), np.uint8), {"sources": sources[number]})

    files = read_pixels(Dataset("x", cases, read), size=8, progress=False).files
    assert files["path"].fillna("").tolist() == ["a", "a", "crop", ""]
    assert files["digest"].fillna("").tolist() == ["2", "2", "3", ""]
