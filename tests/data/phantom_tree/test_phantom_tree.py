"""The whole chain: what a phantom tree holds, the reader of CBIS-DDSM finds."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from keras_wa.data import ReadOptions
from keras_wa.data.phantom_tree.phantom_lists import (
    limit_rois,
    phantom_case_lists,
)
from keras_wa.data.phantom_tree.phantom_settings import TreeSettings
from keras_wa.data.phantom_tree.phantom_tree import (
    TRUTH_FILE,
    write_phantom_tree,
)
from keras_wa.data.readers.cbis_ddsm import (
    find_case_lists,
    read_case_lists,
    read_cbis_ddsm,
)
from keras_wa.data.readers.cbis_ddsm.stated_spacing import ASSUMED_MM
from keras_wa.errors import UserError
from keras_wa.phantom import PhantomSpec
from tests.waiting import until

# At the contrast of film, noise would hide some lesions from the test of brightness.
SPEC = PhantomSpec(seed=2, size=64, field_mm=8.0, conspicuity=4.0)
SMALL = {
    "spec": SPEC,
    "image_shape": (330, 220),
    "pixel_mm": 0.1,
    "workers": 1,
    "progress": False,
}
OPTIONS = {"lesion": "all", "field_mm": 8.0, "pixel_spacing": 0.1}
FEW = phantom_case_lists(SPEC, 8)


def contents(root):
    """Bytes by path of every file of a tree."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module", params=["old", "new"])
def tree(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("trees") / request.param
    cases = phantom_case_lists(SPEC, 48, "all")
    truth = write_phantom_tree(
        root, cases, swapped=0.4, mismatched=0.4, names=request.param, **SMALL
    )
    return root, cases, truth


@pytest.mark.parametrize("crop", ["fixed", "roi", "official"])
def test_the_crop_that_is_found_contains_what_was_drawn(tree, crop):
    root, cases, truth = tree
    dataset = read_cbis_ddsm(root, ReadOptions(crop=crop, **OPTIONS), progress=False)
    assert sorted(dataset.cases["roi_id"]) == sorted(cases["roi_id"])
    assert dataset.skipped == []
    odd = truth.drop_duplicates("roi_id")
    assert len(odd[["swapped", "mask_resized"]].value_counts()) == 4

    for _, row in dataset.cases.iterrows():
        roi, drawn = dataset.read(row), truth[truth["roi_id"] == row["roi_id"]]
        first = drawn.iloc[0]
        assert roi.facts["swapped"] == first["swapped"]
        if crop == "official":
            left, top = first["crop_left"], first["crop_top"]
            assert roi.pixels.shape == (first["crop_height"], first["crop_width"])
        else:
            left, top, width, height = roi.facts["window"]
            assert roi.pixels.shape == (height, width)
            assert roi.facts["mask_resized"] == first["mask_resized"]
        x = np.rint(drawn["x_px"] - left).astype(int)
        y = np.rint(drawn["y_px"] - top).astype(int)
        assert x.between(0, roi.pixels.shape[1] - 1).all()
        assert y.between(0, roi.pixels.shape[0] - 1).all()
        # Not only within the frame: the particles are there, brighter than around.
        if row["lesion_type"] == "calcification":
            bright = np.median(roi.pixels[y, x])
            assert bright > np.median(roi.pixels[roi.pixels > 0])


def test_ground_truth_is_written_as_it_is_returned(tree):
    root, cases, truth = tree
    read = pd.read_csv(root / TRUTH_FILE, keep_default_na=False)

    pd.testing.assert_frame_equal(read, truth, check_dtype=False)
    assert set(truth["roi_id"]) == set(cases["roi_id"])
    # Crop and mask of each ROI, a film for some of them, and nothing half-written.
    assert len(list(root.rglob("*.dcm"))) == 2 * 48 + cases["full_listed"].nunique()
    assert not list(root.rglob("*.partial-*"))
    assert "not a patient" in (root / "README.txt").read_text()


def test_file_names_are_those_of_the_lists_or_the_newer_ones(tree):
    root, cases, _ = tree
    names = {path.name for path in root.rglob("*.dcm")}

    if root.name == "new":
        assert names == {"1-1.dcm", "1-2.dcm"}
        return
    assert names == {"000000.dcm", "000001.dcm"}
    for column in ("full_listed", "crop_listed", "mask_listed"):
        assert all((root / path).is_file() for path in cases[column])


def test_same_arguments_give_the_same_bytes_and_another_seed_others(tmp_path):
    for name in ("one", "two"):
        write_phantom_tree(tmp_path / name, FEW, **SMALL)

    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    other = {**SMALL, "spec": PhantomSpec(seed=3, size=64, field_mm=8.0)}
    write_phantom_tree(tmp_path / "other", FEW, **other)
    first, second = (contents(tmp_path / name) for name in ("one", "other"))
    assert first.keys() == second.keys()
    changed = {path for path in first if first[path] != second[path]}
    assert len(changed) == len(list((tmp_path / "one").rglob("*.dcm"))) + 2


def test_a_complete_tree_is_not_drawn_again(tmp_path):
    first = write_phantom_tree(tmp_path, FEW, **SMALL)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.dcm")}
    again = write_phantom_tree(tmp_path, FEW, **SMALL)

    pd.testing.assert_frame_equal(first, again, check_dtype=False)
    for path, written in before.items():
        assert path.stat().st_mtime_ns == written
    lost = next(iter(before))
    lost.unlink()
    write_phantom_tree(tmp_path, FEW, **SMALL)
    rewritten = {p for p, time in before.items() if p.stat().st_mtime_ns != time}
    assert rewritten == {lost}


def test_a_film_does_not_depend_on_the_other_rows(tmp_path):
    films = FEW["full_listed"].unique()
    some = FEW[FEW["full_listed"] == films[-1]]
    write_phantom_tree(tmp_path / "all", FEW, **SMALL)
    write_phantom_tree(tmp_path / "some", some, **SMALL)

    whole = contents(tmp_path / "all")
    for path, data in contents(tmp_path / "some").items():
        if path.endswith(".dcm"):
            assert whole[path] == data


@pytest.mark.skipif(os.name == "nt", reason="process groups are POSIX")
@pytest.mark.slow
def test_killed_it_leaves_no_process_and_called_again_gives_the_same_bytes(tmp_path):
    cases = phantom_case_lists(SPEC, 40)
    write_phantom_tree(tmp_path / "whole", cases, **SMALL)
    expected = contents(tmp_path / "whole")
    script, killed = tmp_path / "script.py", tmp_path / "killed"
    script.write_text(f"""
from pathlib import Path
from keras_wa.data.phantom_tree.phantom_lists import phantom_case_lists
from keras_wa.data.phantom_tree.phantom_tree import write_phantom_tree
from keras_wa.phantom import PhantomSpec
if __name__ == "__main__":
    spec = {SPEC!r}
    write_phantom_tree(
        Path({str(killed)!r}), phantom_case_lists(spec, 40), spec, (330, 220),
        pixel_mm=0.1, workers=2, progress=False,
    )
""")
    process = subprocess.Popen(
        [sys.executable, script], start_new_session=True, stderr=subprocess.DEVNULL
    )
    until(lambda: bool(list(killed.rglob("0*.dcm"))), process)
    process.kill()
    process.wait()
    until(lambda: not _group_is_alive(process.pid))
    assert not (killed / TRUTH_FILE).exists()
    # What it may have been writing at that moment.
    folder = next(killed.rglob("0*.dcm")).parent
    (folder / ".1.partial-000000.dcm").write_bytes(b"half")
    (killed / ".1.partial-README.txt").write_bytes(b"half")
    next(folder.glob("0*.dcm")).unlink()
    write_phantom_tree(killed, cases, **SMALL)

    assert contents(killed) == expected


def _group_is_alive(group: int) -> bool:
    """Whether a process of the group is there that is more than a zombie's entry."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] not in "ZX":
            return True
    return False


def test_default_pixels_are_what_the_reader_assumes():
    assert TreeSettings.pixel_mm == ASSUMED_MM


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "precious.txt").write_text("kept")
    with pytest.raises(UserError, match="is no phantom tree"):
        write_phantom_tree(tmp_path, FEW, **SMALL)

    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_a_tree_is_not_mixed_with_one_of_other_arguments(tmp_path):
    write_phantom_tree(tmp_path, FEW, **SMALL)
    before = contents(tmp_path)
    for change, told in (
        ({"swapped": 0.2}, "another swapped. Received: 0.2; expected 0.1"),
        ({"image_shape": (300, 220)}, "another image_shape"),
        ({"cases": FEW[:-1]}, "another rois"),
    ):
        with pytest.raises(UserError, match=told):
            write_phantom_tree(tmp_path, **{"cases": FEW, **SMALL, **change})
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"workers": 0}, "At least 1 worker"),
        ({"names": "newest"}, "`names`.* Received: 'newest'"),
        ({"cases": FEW[:0]}, "no ROI"),
        ({"cases": pd.concat([FEW, FEW[:1]])}, "is named twice"),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_is_written(change, told, tmp_path):
    with pytest.raises(UserError, match=told):
        write_phantom_tree(tmp_path / "new", **{"cases": FEW, **SMALL, **change})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.shared_data
def test_real_case_lists_are_followed(shared_data, tmp_path):
    lists = read_case_lists(find_case_lists(shared_data / "cbis-ddsm-csv"))
    cases = limit_rois(lists.cases, 24)
    truth = write_phantom_tree(tmp_path, cases, swapped=0.3, **SMALL)
    dataset = read_cbis_ddsm(tmp_path, ReadOptions(**OPTIONS), progress=False)

    assert sorted(dataset.cases["roi_id"]) == sorted(cases["roi_id"])
    for _, row in dataset.cases.iterrows():
        left, top, width, height = dataset.read(row).facts["window"]
        drawn = truth[truth["roi_id"] == row["roi_id"]]
        assert drawn["x_px"].between(left - 0.5, left + width - 0.5).all()
        assert drawn["y_px"].between(top - 0.5, top + height - 0.5).all()


def test_projected_views_show_the_same_lesion_on_both_films(tmp_path):
    spec = dataclasses.replace(SPEC, projected_views=True, labelling="clinical")
    cases = phantom_case_lists(spec, 40)
    agree = {}
    for name, drawn_as in (("projected", spec), ("apart", SPEC)):
        root = tmp_path / name
        write_phantom_tree(root, cases, **{**SMALL, "spec": drawn_as})
        truth = pd.read_csv(root / TRUTH_FILE)
        dataset = read_cbis_ddsm(root, ReadOptions(**OPTIONS), progress=False)
        told = [each.set_index("roi_id")["label"] for each in (dataset.cases, cases)]
        pd.testing.assert_series_equal(*map(pd.Series.sort_index, told))
        lesions = dataset.cases.groupby(["patient_id", "breast", "lesion"])
        kinds = lesions[["label", "morphology", "distribution"]].nunique()
        assert kinds.eq(1).all(axis=None)
        agree[name] = [
            _same_particles(*(truth[truth["roi_id"] == roi] for roi in rows["roi_id"]))
            for _, rows in lesions
            if sorted(rows["view"]) == ["CC", "MLO"]
        ]
    assert len(agree["projected"]) > 8
    assert all(agree["projected"])
    assert not any(agree["apart"])


def _same_particles(cc, mlo):
    """Whether as many lie at the same places along the rows, up to scale and shift."""
    if len(cc) != len(mlo):
        return False
    if len(cc) < 3:
        return True
    x = [(each["x_px"] - each["x_px"].mean()).to_numpy() for each in (cc, mlo)]
    scale = x[0] @ x[1] / (x[0] @ x[0])
    # Places are rounded to 0.001 pixels.
    return bool(scale > 0 and np.abs(x[1] - scale * x[0]).max() < 0.01)
