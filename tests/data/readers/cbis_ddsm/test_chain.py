"""From a phantom in CBIS-DDSM's tree to ROIs that hold what was drawn."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from keras_wa.data import Dataset, ReadOptions
from keras_wa.data.phantom_tree.phantom_lists import phantom_case_lists
from keras_wa.data.phantom_tree.phantom_tree import write_phantom_tree
from keras_wa.data.readers.cbis_ddsm import read_cbis_ddsm
from keras_wa.data.readers.cbis_ddsm.reader import PHANTOM_NOTE
from keras_wa.phantom import PhantomSpec


@pytest.fixture(scope="module", params=[("old", "none"), ("new", "rle")], ids=str)
def phantom(request, tmp_path_factory) -> tuple[Path, pd.DataFrame]:
    """A tree with every oddity in it, and where each calcification was drawn."""
    names, compress = request.param
    root = tmp_path_factory.mktemp("phantom")
    truth = write_phantom_tree(
        root,
        phantom_case_lists(PhantomSpec(), 24),
        image_shape=(1600, 1100),
        names=names,
        compress=compress,
        swapped=0.4,
        mismatched=0.3,
        workers=1,
        progress=False,
    )
    return root, truth


def test_it_is_called_a_phantom_with_and_without_its_images(phantom, tmp_path):
    root, _ = phantom
    assert read_cbis_ddsm(root.parent, ReadOptions(case_lists=str(root))).notes[0] == (
        PHANTOM_NOTE
    )
    for path in (*root.glob("*.csv"), root / "phantom_tree.json"):
        shutil.copy(path, tmp_path)
    bare = ReadOptions(require_files=False)
    assert read_cbis_ddsm(tmp_path, bare).notes[0] == PHANTOM_NOTE
    (tmp_path / "phantom_tree.json").unlink()
    assert PHANTOM_NOTE not in read_cbis_ddsm(tmp_path, bare).notes


def read_all(dataset: Dataset) -> pd.DataFrame:
    """The facts of each ROI."""
    rois = [dataset.read(row) for _, row in dataset.cases.iterrows()]
    facts = pd.DataFrame([roi.facts for roi in rois], index=dataset.cases["roi_id"])
    return facts.assign(shape=[roi.pixels.shape for roi in rois])


@pytest.mark.parametrize("crop", ["fixed", "roi"])
def test_each_drawn_calcification_is_in_its_roi(phantom, crop):
    root, truth = phantom
    facts = read_all(read_cbis_ddsm(root, ReadOptions(crop=crop)))
    assert set(facts.index) == set(truth["roi_id"])
    window = pd.DataFrame(
        facts["window"].tolist(), index=facts.index, columns=["x", "y", "w", "h"]
    ).loc[truth["roi_id"]]
    for place, start, size in (("x_px", "x", "w"), ("y_px", "y", "h")):
        inside = truth[place].to_numpy() - window[start].to_numpy()
        assert inside.min() >= 0
        assert (inside < window[size].to_numpy()).all()


def test_what_was_made_odd_is_found_out(phantom):
    root, truth = phantom
    made = truth.groupby("roi_id")[["swapped", "mask_resized"]].first()
    assert made.any().all()
    assert not made.all().any()
    facts = read_all(read_cbis_ddsm(root)).loc[made.index]
    for name in made:
        assert list(facts[name]) == list(made[name])


def test_the_official_crops_are_crops_and_no_masks(phantom):
    root, truth = phantom
    made = truth.groupby("roi_id")[["crop_height", "crop_width"]].first()
    facts = read_all(read_cbis_ddsm(root, ReadOptions(crop="official")))
    sizes = zip(made["crop_height"], made["crop_width"], strict=True)
    assert list(facts.loc[made.index, "shape"]) == list(sizes)


def test_each_drawn_calcification_is_under_its_mask(phantom):
    root, truth = phantom
    dataset = read_cbis_ddsm(root)
    assert dataset.read_mask is not None
    for _, row in dataset.cases.iterrows():
        roi, mask = dataset.read(row), dataset.read_mask(row)
        assert mask.shape == roi.pixels.shape
        mine = truth[truth["roi_id"] == row["roi_id"]]
        left, top = roi.facts["window"][:2]
        columns = np.rint(mine["x_px"] - left).astype(int)
        rows = np.rint(mine["y_px"] - top).astype(int)
        assert mask[rows, columns].all()
