"""The pixels of an ROI: the right ones, whatever the files are called."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pydicom
import pytest
import xxhash

from keras_wa.data import ReadOptions
from keras_wa.data.readers.cbis_ddsm import read_cbis_ddsm
from keras_wa.errors import UserError
from keras_wa.testing import run_dataset_test
from tests.data.readers.cbis_ddsm.copies import (
    LAYOUTS,
    Drawn,
    mammogram,
    mask_of,
    write_copy,
    write_part,
)
from tests.data.readers.cbis_ddsm.reading import (
    FIELD,
    FIRST,
    ROWS,
    about,
    grey,
    opened_files,
    options,
    read,
)


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "kaggle"])
def test_the_lesion_is_in_the_middle_of_its_field_of_view(tmp_path, layout):
    drawn = write_copy(tmp_path, ROWS, layout)
    dataset = run_dataset_test(
        lambda root, options, seed: read_cbis_ddsm(root, options, progress=False),
        tmp_path,
        options(),
    )
    assert len(dataset.cases) == 3
    # The longer side of 9 pixels with a tenth of it on each side.
    tight = read_cbis_ddsm(tmp_path, options("roi"), progress=False)
    for roi_id, made in drawn.items():
        np.testing.assert_array_equal(read(dataset, roi_id).pixels, about(made))
        np.testing.assert_array_equal(read(tight, roi_id).pixels, about(made, 11))


@pytest.mark.parametrize("layout", ["classic", "classic with new names", "bare idc"])
@pytest.mark.parametrize("described", [True, False])
def test_swapped_files_give_the_same_pixels(tmp_path, layout, described):
    rois = {row["cropped image file path"].split("/")[0] for row in ROWS}
    drawn = write_copy(tmp_path, ROWS, layout, swapped=rois, described=described)
    for crop in ("fixed", "roi", "official"):
        dataset = read_cbis_ddsm(tmp_path, options(crop), progress=False)
        for roi_id, made in drawn.items():
            roi = read(dataset, roi_id)
            assert roi.facts["swapped"] is (layout != "bare idc")
            if crop == "official":
                np.testing.assert_array_equal(roi.pixels, grey(made.crop))
            else:
                side = FIELD if crop == "fixed" else 11
                np.testing.assert_array_equal(roi.pixels, about(made, side))


def test_pixels_are_believed_more_than_a_description_that_lies(tmp_path):
    drawn = write_copy(tmp_path, ROWS)
    for part, other in (("crop", "mask"), ("mask", "crop")):
        made = drawn[FIRST]
        path = tmp_path / made.paths[part]
        pixels = made.crop if part == "crop" else mask_of(made.full.shape, made.box)
        # As many bits in both, so that nothing but the pixels tells them apart.
        write_part(path, other, path.parent.name, pixels.astype(np.uint16))
    for crop, expected in (("fixed", about(made)), ("official", grey(made.crop))):
        roi = read(read_cbis_ddsm(tmp_path, options(crop)))
        np.testing.assert_array_equal(roi.pixels, expected)
        assert roi.facts["swapped"] is False


def test_the_facts_say_what_was_read_and_where(tmp_path):
    made = write_copy(tmp_path, ROWS)[FIRST]
    facts = read(read_cbis_ddsm(tmp_path, options())).facts
    left, top, width, height = made.box
    window = [left + (width - FIELD) // 2, top + (height - FIELD) // 2, FIELD, FIELD]
    assert facts.pop("sources") == {
        made.paths[part]: xxhash.xxh3_128_hexdigest(
            (tmp_path / made.paths[part]).read_bytes()
        )
        for part in ("full", "mask")
    }
    outside = max(0, -window[0]) * FIELD + max(0, -window[1]) * FIELD
    outside -= max(0, -window[0]) * max(0, -window[1])
    assert facts.pop("padding") == pytest.approx(outside / FIELD**2, abs=1e-6)
    assert outside > 0
    assert facts == {
        "pixel_spacing_mm": 0.046,
        "spacing_from": "assumed",
        "size_mm": [2.3, 2.3],
        "window": window,
        "swapped": False,
        "mask_resized": False,
    }


def test_the_facts_of_an_official_crop_name_the_crop_alone(tmp_path):
    made = write_copy(tmp_path, ROWS)[FIRST]
    dataset = read_cbis_ddsm(tmp_path, options("official", pixel_spacing=0.05))
    facts = read(dataset).facts
    assert list(facts.pop("sources")) == [made.paths["crop"]]
    height, width = made.crop.shape
    assert facts == {
        "pixel_spacing_mm": 0.05,
        "spacing_from": "option",
        "size_mm": pytest.approx([0.05 * height, 0.05 * width]),
        "padding": 0.0,
        "swapped": False,
    }


def test_a_spacing_that_the_file_states_is_used(tmp_path):
    made = write_copy(tmp_path, ROWS)[FIRST]
    path = tmp_path / made.paths["full"]
    spacing = {"PixelSpacing": [0.092, 0.046]}
    write_part(path, "full", path.parent.name, made.full, **spacing)
    roi = read(read_cbis_ddsm(tmp_path, options(pixel_spacing=0.05)))
    assert roi.pixels.shape == (25, 50)
    assert roi.facts["spacing_from"] == "PixelSpacing"
    assert roi.facts["size_mm"] == [2.3, 2.3]
    assert roi.facts["pixel_spacing_mm"] == 0.092


@pytest.mark.parametrize("mask_shape", [(240, 200), (60, 50), (126, 104)])
def test_a_mask_of_another_size_marks_the_same_place(tmp_path, mask_shape):
    made = write_copy(tmp_path, ROWS, mask_shape=mask_shape)[FIRST]
    dataset = read_cbis_ddsm(tmp_path, options())
    roi = read(dataset)
    assert roi.facts["mask_resized"] is True
    left, top, width, height = made.box
    window = [left + (width - FIELD) // 2, top + (height - FIELD) // 2]
    x, y = roi.facts["window"][:2]
    tolerance = max(1, 120 / mask_shape[0])
    assert np.abs(np.subtract([x, y], window)).max() <= tolerance
    shifted = Drawn(made.full, made.crop, (x, y, FIELD, FIELD), made.paths)
    np.testing.assert_array_equal(roi.pixels, about(shifted))
    assert dataset.read_mask is not None
    mask = dataset.read_mask(pd.Series({"roi_id": FIRST}))
    assert mask.shape == roi.pixels.shape
    rows, columns = np.nonzero(mask)
    found = [columns.min() + x, rows.min() + y, np.ptp(columns) + 1, np.ptp(rows) + 1]
    assert np.abs(np.subtract(found, made.box)).max() <= tolerance


@pytest.mark.parametrize("mask_shape", [(40, 33), (120, 70), (250, 210)])
def test_a_mask_of_another_mammogram_is_refused(tmp_path, mask_shape):
    made = write_copy(tmp_path, ROWS, mask_shape=mask_shape)[FIRST]
    with pytest.raises(UserError, match="the mask is not one of its mammogram") as one:
        read(read_cbis_ddsm(tmp_path, options()))
    assert str(one.value).startswith(f"{made.paths['mask']}: ")


def test_a_jpeg_copy_gives_nearly_the_same_pixels(tmp_path):
    drawn = write_copy(tmp_path, ROWS, "kaggle", shape=(240, 200))
    for crop in ("fixed", "official"):
        dataset = read_cbis_ddsm(tmp_path, options(crop))
        for roi_id, made in drawn.items():
            roi = read(dataset, roi_id)
            expected = about(made) if crop == "fixed" else grey(made.crop)
            assert roi.pixels.shape == expected.shape
            likeness = np.corrcoef(roi.pixels.ravel(), expected.ravel())[0, 1]
            assert likeness > 0.95
            assert roi.facts["swapped"] is False


def test_a_dark_crop_of_a_jpeg_copy_is_not_taken_for_a_mask(tmp_path):
    made = write_copy(tmp_path, ROWS, "kaggle")[FIRST]
    dark = np.zeros((14, 13), np.uint8)
    dark[3, 4] = 255
    for part in ("crop", "mask"):
        # Whichever stands first: the names do not tell.
        pixels = dark if part == "crop" else mask_of(made.full.shape, made.box)
        assert cv2.imwrite(
            str(tmp_path / made.paths[part]), pixels, [cv2.IMWRITE_JPEG_QUALITY, 100]
        )
    found = read(read_cbis_ddsm(tmp_path, options())).facts["sources"]
    assert set(found) == {made.paths["full"], made.paths["mask"]}


def blank(path: Path) -> None:
    pixels = np.zeros((120, 100), np.uint8)
    write_part(path, "mask", path.parent.name, pixels)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2000])


def many_values(path: Path) -> None:
    write_part(path, "mask", path.parent.name, mammogram((120, 100), 3))


@pytest.mark.parametrize(
    ("part", "damage", "message"),
    [
        ("mask", blank, "the mask marks no lesion"),
        ("mask", many_values, "no mask. Received"),
        ("mask", cut_off, "damaged|truncated|PixelData|pixel"),
        ("mask", os.unlink, "cannot be read"),
        ("full", cut_off, "damaged|truncated|PixelData|pixel"),
        ("full", os.unlink, "cannot be read"),
    ],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_a_bad_file_is_named_in_one_line(tmp_path, part, damage, message, swapped):
    made = write_copy(tmp_path, ROWS, swapped={FIRST} if swapped else ())[FIRST]
    dataset = read_cbis_ddsm(tmp_path, options())
    damage(tmp_path / made.paths[part])
    with pytest.raises(UserError, match=message) as caught:
        read(dataset)
    assert str(caught.value).startswith(f"{made.paths[part]}: ")
    assert "\n" not in str(caught.value)
    # The other lesions of the data set are still there.
    assert read(dataset, dataset.cases["roi_id"].iloc[2]).pixels.size


@pytest.mark.parametrize("damage", [cut_off, os.unlink])
def test_a_bad_crop_does_no_harm_where_the_mammogram_is_cut(tmp_path, damage):
    made = write_copy(tmp_path, ROWS, swapped={FIRST})[FIRST]
    dataset = read_cbis_ddsm(tmp_path, options())
    damage(tmp_path / made.paths["crop"])
    np.testing.assert_array_equal(read(dataset).pixels, about(made))


def test_a_row_without_a_file_says_which_part_is_not_there(tmp_path):
    made = write_copy(tmp_path, ROWS)[FIRST]
    for gone, crop, part in (
        ("crop", "official", "crop"),
        ("mask", "fixed", "mask"),
        ("full", "fixed", "mammogram"),
    ):
        os.unlink(tmp_path / made.paths[gone])
        dataset = read_cbis_ddsm(tmp_path, options(crop, require_files=False))
        with pytest.raises(UserError, match=f"{FIRST}: its {part} is missing"):
            read(dataset)


def test_a_mammogram_of_several_lesions_is_decoded_once(tmp_path, monkeypatch):
    drawn = write_copy(tmp_path, ROWS)
    opened = opened_files(monkeypatch)
    dataset = read_cbis_ddsm(tmp_path, options())
    rows = [row for _, row in dataset.cases.iterrows()]
    with ThreadPoolExecutor(4) as pool:
        rois = list(pool.map(dataset.read, rows))
    assert len(rois) == 3
    full = {tmp_path / made.paths["full"] for made in drawn.values()}
    assert len(full) == sum(path in full for path in opened) == 2
    # Each of the two lesions is cut from the same pixels, whoever came first.
    for row, roi in zip(rows, rois, strict=True):
        np.testing.assert_array_equal(roi.pixels, about(drawn[row["roi_id"]]))


def test_images_for_processing_are_refused_unless_they_are_asked_for(tmp_path):
    made = write_copy(tmp_path, ROWS)[FIRST]
    path = tmp_path / made.paths["full"]
    intent = {"PresentationIntentType": "FOR PROCESSING"}
    write_part(path, "full", path.parent.name, made.full, **intent)
    dataset = read_cbis_ddsm(tmp_path, options(for_processing=True))
    np.testing.assert_array_equal(read(dataset).pixels, about(made))


@pytest.mark.shared_data
def test_original_calcification_crops_are_read_from_a_folder_called_masks(shared_data):
    # The crop stands as 1-1.dcm in NBIA's "ROI mask images"; its mask is not there.
    lists = str(shared_data / "cbis-ddsm-csv")
    root = shared_data / "cbis-calc-originals" / "tree"
    dataset = read_cbis_ddsm(root, ReadOptions(crop="official", case_lists=lists))
    cases = dataset.cases
    assert list(cases["roi_id"]) == [
        "Calc-Test_P_00038_LEFT_CC_1",
        "Calc-Test_P_00038_LEFT_MLO_1",
    ]
    assert list(cases["label"]) == [0, 0]
    assert set(cases["split"]) == {"test"}
    shapes = [(249, 265), (265, 249)]
    for shape, (_, row) in zip(shapes, cases.iterrows(), strict=True):
        roi = dataset.read(row)
        stored = pydicom.dcmread(root / row["crop_path"]).pixel_array
        assert roi.pixels.shape == stored.shape == shape
        np.testing.assert_array_equal(roi.pixels, grey(stored))
        assert roi.facts["swapped"]


@pytest.mark.shared_data
def test_crops_that_lie_in_none_of_the_trees_are_refused(shared_data):
    # Their names do not give the case: Calc_Test_ROI_07570_1-1.png.
    lists = str(shared_data / "cbis-ddsm-csv")
    root = shared_data / "cbis-calc-originals" / "png16"
    with pytest.raises(UserError, match="6 image files, none of a listed series"):
        read_cbis_ddsm(root, ReadOptions(crop="official", case_lists=lists))
