from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from keras_wa.data.io import cut, mask_box, open_image, window_of
from keras_wa.data.phantom_tree.phantom_film import write_film
from keras_wa.data.phantom_tree.phantom_lists import phantom_case_lists
from keras_wa.data.phantom_tree.phantom_settings import CROP, MASK, TreeSettings
from keras_wa.errors import UserError
from keras_wa.phantom import PhantomSpec

SPEC = PhantomSpec(seed=4, size=64, field_mm=8.0)
SETTINGS = TreeSettings(
    spec=SPEC,
    image_shape=(330, 220),
    pixel_mm=0.1,
    compress="rle",
    swapped=0.0,
    mismatched=0.0,
    names="old",
)


def rows(count=3):
    """So many ROIs, made to share the first one's film."""
    cases = phantom_case_lists(SPEC, 20)[:count]
    cases["full_listed"] = cases["full_listed"].iloc[0]
    return cases.astype(object).to_dict("records")


def files(root):
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.dcm"))


@pytest.mark.parametrize("swapped", [0.0, 1.0])
@pytest.mark.parametrize("mismatched", [0.0, 1.0])
def test_crop_and_mask_show_what_was_drawn(swapped, mismatched, tmp_path):
    settings = dataclasses.replace(SETTINGS, swapped=swapped, mismatched=mismatched)
    listed = rows()
    truth = write_film(tmp_path, settings, listed)
    full = open_image(tmp_path / listed[0]["full_listed"])
    assert full.shape == (330, 220)

    for row in listed:
        drawn = [each for each in truth if each["roi_id"] == row["roi_id"]]
        assert {each["swapped"] for each in drawn} == {swapped == 1}
        assert {each["mask_resized"] for each in drawn} == {mismatched == 1}
        paths = [row["crop_listed"], row["mask_listed"]]
        crop, mask = (
            open_image(tmp_path / path) for path in (paths[::-1] if swapped else paths)
        )
        facts = drawn[0]
        left, top = facts["crop_left"], facts["crop_top"]
        part = full.stored[
            top : top + facts["crop_height"], left : left + facts["crop_width"]
        ]
        np.testing.assert_array_equal(crop.stored, part)
        assert crop.stored.dtype == np.uint16
        assert mask.stored.dtype == np.uint8
        assert (mask.shape != full.shape) == (mismatched == 1)
        scale = np.array(mask.shape) / full.shape
        for each in drawn:
            x, y = each["x_px"], each["y_px"]
            assert left <= x < left + crop.shape[1]
            assert top <= y < top + crop.shape[0]
            place = np.rint((np.array([y, x]) + 0.5) * scale - 0.5).astype(int)
            assert mask.stored[tuple(place)] == 255
            assert (each["x_mm"], each["y_mm"]) == pytest.approx(
                ((x + 0.5) * 0.1, (y + 0.5) * 0.1), abs=2e-4
            )


@pytest.mark.parametrize("how", ["fixed", "roi"])
def test_windows_about_the_mask_contain_every_calcification(how, tmp_path):
    listed = rows()
    truth = write_film(tmp_path, SETTINGS, listed)
    full = open_image(tmp_path / listed[0]["full_listed"])
    for row in listed:
        mask = open_image(tmp_path / row["mask_listed"]).stored
        window = window_of(mask_box(mask, "mask"), how, 8.0, (0.1, 0.1))
        pixels, _ = cut(full, window)
        drawn = [each for each in truth if each["roi_id"] == row["roi_id"]]
        assert drawn
        for each in drawn:
            x, y = round(each["x_px"]) - window.left, round(each["y_px"]) - window.top
            assert 0 <= x < window.width
            assert 0 <= y < window.height
            assert pixels[y, x] > 0


def test_descriptions_tell_the_content_in_most_files(tmp_path):
    settings = dataclasses.replace(SETTINGS, swapped=0.5)
    right = 0
    for row in phantom_case_lists(SPEC, 40)[28:].astype(object).to_dict("records"):
        facts = write_film(tmp_path, settings, [row])[0]
        for path in (row["crop_listed"], row["mask_listed"]):
            image = open_image(tmp_path / path)
            content = MASK if image.stored.dtype == np.uint8 else CROP
            right += image.description == content
            if facts["described"] == "right":
                assert image.description == content
            if facts["described"] == "missing":
                assert image.description == ""
    assert right > 12


def test_a_film_too_small_is_named(tmp_path):
    small = dataclasses.replace(SETTINGS, image_shape=(70, 70))
    with pytest.raises(UserError, match=f"^{rows()[0]['full_listed'].split('/')[0]}: "):
        write_film(tmp_path, small, rows())
    assert files(tmp_path) == []
