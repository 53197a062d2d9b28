"""The mask of an ROI lies where the ROI's own pixels have the lesion."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from keras_wa.data import Dataset, ReadOptions
from keras_wa.data.phantom_tree.phantom_lists import phantom_case_lists
from keras_wa.data.phantom_tree.phantom_tree import write_phantom_tree
from keras_wa.data.readers.cbis_ddsm import read_cbis_ddsm
from keras_wa.errors import UserError
from keras_wa.phantom import PhantomSpec
from tests.data.readers.cbis_ddsm.copies import mask_of, write_copy, write_part
from tests.data.readers.cbis_ddsm.test_roi_reading import FIRST, ROWS, options, read


def read_mask(dataset: Dataset, roi_id: str = FIRST) -> np.ndarray:
    assert dataset.read_mask is not None
    return dataset.read_mask(pd.Series({"roi_id": roi_id}))


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("crop", ["fixed", "roi"])
def test_the_mask_lies_on_the_lesion_in_the_window_of_the_roi(tmp_path, crop, swapped):
    drawn = write_copy(tmp_path, ROWS, swapped={FIRST} if swapped else ())
    for roi_id, made in drawn.items():
        # Where the lesion is the brightest, no other pixel is.
        marked = mask_of(made.full.shape, made.box) > 0
        full = tmp_path / made.paths["full"]
        pixels = np.where(marked, 65535, 30000).astype(np.uint16)
        write_part(full, "full", full.parent.name, pixels)
        dataset = read_cbis_ddsm(tmp_path, options(crop), progress=False)
        mask = read_mask(dataset, roi_id)
        assert mask.dtype == bool
        np.testing.assert_array_equal(mask, read(dataset, roi_id).pixels == 255)
        assert mask.sum() == made.box[2] * made.box[3]


def test_the_mask_of_a_jpeg_copy_is_the_lesion_without_its_noise(tmp_path):
    made = write_copy(tmp_path, ROWS, "kaggle", shape=(240, 200))[FIRST]
    area = made.box[2] * made.box[3]
    mask = read_mask(read_cbis_ddsm(tmp_path, options()))
    assert mask.sum() == pytest.approx(area, rel=0.3)


def test_an_official_crop_has_no_mask_and_says_why(tmp_path):
    write_copy(tmp_path, ROWS)
    dataset = read_cbis_ddsm(tmp_path, options("official"))
    with pytest.raises(UserError, match=f"{FIRST}: .*position .* is unknown.*'fixed'"):
        read_mask(dataset)


@pytest.mark.parametrize(("names", "compress"), [("old", "none"), ("new", "rle")])
def test_each_drawn_calcification_is_under_its_mask(tmp_path, names, compress):
    spec = PhantomSpec(seed=2, size=64, field_mm=8.0)
    truth = write_phantom_tree(
        tmp_path,
        phantom_case_lists(spec, 24),
        spec,
        image_shape=(330, 220),
        pixel_mm=0.1,
        names=names,
        compress=compress,
        swapped=0.4,
        mismatched=0.3,
        workers=1,
        progress=False,
    )
    made = truth.groupby("roi_id")[["swapped", "mask_resized"]].first()
    assert made.any().all()
    assert not made.all().any()
    size = ReadOptions(field_mm=8.0, pixel_spacing=0.1)
    dataset = read_cbis_ddsm(tmp_path, size)
    assert len(dataset.cases) == len(made)
    for roi_id, drawn in truth.groupby("roi_id"):
        roi, mask = read(dataset, roi_id), read_mask(dataset, roi_id)
        assert mask.shape == roi.pixels.shape
        left, top = roi.facts["window"][:2]
        columns = np.rint(drawn["x_px"] - left).astype(int)
        rows = np.rint(drawn["y_px"] - top).astype(int)
        assert mask[rows, columns].all()
