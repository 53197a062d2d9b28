"""ROIs cut about a box or a mask, and what is said about them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import xxhash

from keras_wa.data.cropping import cut_roi
from keras_wa.data.io import Box
from keras_wa.data.options import ReadOptions
from keras_wa.errors import UserError
from tests.data.io.dicom_files import write_dicom

FIXED = ReadOptions(field_mm=4.0)
BOX = Box(30, 50, 4, 2)


def ramp() -> np.ndarray:
    """An image of 80 by 60 pixels, no two of a neighbourhood alike."""
    rows, columns = np.mgrid[:80, :60]
    return ((3 * rows + 7 * columns) % 256).astype(np.uint8)


def png(folder: Path, name: str, image: np.ndarray) -> str:
    assert cv2.imwrite(str(folder / name), image)
    return name


def test_a_fixed_field_is_cut_about_the_middle_of_the_box(tmp_path):
    name = png(tmp_path, "a.png", ramp())
    roi = cut_roi(tmp_path, name, FIXED, box=BOX, default_spacing_mm=0.2)
    # 4 mm of 0.2 mm: 20 pixels about column 32, row 51.
    np.testing.assert_array_equal(roi.pixels, ramp()[41:61, 22:42])
    assert roi.facts == {
        "sources": {
            name: xxhash.xxh3_128_hexdigest((tmp_path / name).read_bytes()),
        },
        "pixel_spacing_mm": 0.2,
        "spacing_from": "assumed",
        "window": [22, 41, 20, 20],
        "size_mm": [4.0, 4.0],
        "padding": 0.0,
    }


def test_without_box_and_mask_the_image_is_the_roi(tmp_path):
    name = png(tmp_path, "a.png", ramp())
    roi = cut_roi(tmp_path, name, FIXED)
    np.testing.assert_array_equal(roi.pixels, ramp())
    assert roi.facts["window"] == [0, 0, 60, 80]
    assert not {"pixel_spacing_mm", "spacing_from", "size_mm"} & set(roi.facts)


@pytest.mark.parametrize(
    ("stated", "listed", "chosen", "default", "spacing", "origin"),
    [
        ([0.05, 0.1], 0.2, 0.25, 0.4, 0.05, "ImagerPixelSpacing"),
        ([1e-9, 1e-9], 0.2, 0.25, 0.4, 0.2, "table"),
        ([70, 70], 0.2, 0.25, 0.4, 0.2, "table"),
        (None, 0.2, 0.25, 0.4, 0.2, "table"),
        (None, None, 0.25, 0.4, 0.25, "option"),
        (None, None, None, 0.4, 0.4, "assumed"),
    ],
)
def test_who_knows_the_spacing_best(
    tmp_path, stated, listed, chosen, default, spacing, origin
):
    fields = {"ImagerPixelSpacing": stated} if stated else {}
    write_dicom(tmp_path / "a.dcm", ramp().astype(np.uint16), **fields)
    roi = cut_roi(
        tmp_path,
        "a.dcm",
        ReadOptions(field_mm=4.0, pixel_spacing=chosen),
        box=BOX,
        listed_spacing_mm=listed,
        default_spacing_mm=default,
    )
    assert roi.facts["pixel_spacing_mm"] == spacing
    assert roi.facts["spacing_from"] == origin
    assert roi.pixels.shape[0] == round(4 / spacing)
    assert roi.facts["size_mm"] == pytest.approx([4.0, 4.0])
    left_out = "ImagerPixelSpacing (0018,1164): left out. Received: "
    noted = [note.startswith(left_out) for note in roi.facts["notes"]]
    assert sum(noted) == (stated is not None and origin == "table")
    json.dumps(roi.facts)


def test_a_spacing_that_cannot_be_read_is_named_where_one_is_needed(tmp_path):
    write_dicom(tmp_path / "a.dcm", ramp(), PixelSpacing="0.07")
    with pytest.raises(
        UserError, match=r"PixelSpacing .*left out.* '0\.07'.*Give `pixel"
    ) as caught:
        cut_roi(tmp_path, "a.dcm", FIXED, box=BOX)
    assert str(caught.value).isprintable()


def test_a_window_scaled_to_the_lesion_needs_no_spacing(tmp_path):
    name = png(tmp_path, "a.png", ramp())
    roi = cut_roi(tmp_path, name, ReadOptions(crop="roi"), box=Box(20, 40, 10, 5))
    # The longer side and a tenth of it on either side, in square pixels.
    assert roi.facts["window"] == [19, 36, 12, 12]


@pytest.mark.parametrize(
    ("dtype", "level"), [(np.uint8, 255), (np.uint16, 1), (np.uint16, 65535)]
)
def test_a_mask_marks_the_same_place_as_its_box(tmp_path, dtype, level):
    name = png(tmp_path, "a.png", ramp())
    mask = np.zeros((80, 60), dtype)
    mask[50:52, 30:34] = level
    roi = cut_roi(
        tmp_path,
        name,
        dataclasses.replace(FIXED, bits_stored=12),  # It counts for images alone.
        mask=png(tmp_path, "m.png", mask),
        default_spacing_mm=0.2,
    )
    boxed = cut_roi(tmp_path, name, FIXED, box=BOX, default_spacing_mm=0.2)
    np.testing.assert_array_equal(roi.pixels, boxed.pixels)
    assert roi.facts["mask_resized"] is False
    assert list(roi.facts["sources"]) == ["a.png", "m.png"]


def test_a_mask_of_another_size_covers_the_same_field(tmp_path):
    name = png(tmp_path, "a.png", ramp())
    mask = np.zeros((40, 20), np.uint8)
    mask[25:26, 10:11] = 1  # Rows 50..51, columns 30..32 of the image.
    roi = cut_roi(
        tmp_path,
        name,
        ReadOptions(crop="roi"),
        mask=png(tmp_path, "m.png", mask),
        default_spacing_mm=0.2,
    )
    boxed = cut_roi(
        tmp_path, name, ReadOptions(crop="roi"), Box(30, 50, 3, 2), None, None, 0.2
    )
    assert roi.facts["window"] == boxed.facts["window"]
    assert roi.facts["mask_resized"] is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"box": Box(500, 50, 4, 4)}, r"a\.png: The window lies outside"),
        ({"size": (60, 80)}, r"a\.png: size .* Received: 80 by 60 .* 60 by 80"),
        ({"mask": "a.png"}, r"a\.png: no mask"),
        ({"box": Box(0, 0, 9, 900_000)}, r"a\.png: The window lies outside"),
        ({"listed_spacing_mm": 1e-4, "box": BOX}, r"a\.png: .* 40000 by 40000 pixels"),
        ({"mask": "gone.png"}, r"gone\.png: cannot be read"),
    ],
)
def test_what_cannot_be_cut_is_told_with_the_file(tmp_path, arguments, message):
    name = png(tmp_path, "a.png", ramp())
    with pytest.raises(UserError, match=message):
        cut_roi(tmp_path, name, FIXED, default_spacing_mm=0.2, **arguments)
