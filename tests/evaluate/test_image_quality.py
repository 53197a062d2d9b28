"""Local contrast, visibility and SNR, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from keras_wa.evaluate.image_quality import (
    MEASURES,
    bright_pixels,
    local_contrast,
    measure_pair,
    signal_to_noise,
    visibility,
)


def flat(level: int = 100, side: int = 48) -> np.ndarray:
    return np.full((side, side), level, np.uint8)


def chequered(low: int, high: int, side: int = 48) -> np.ndarray:
    return np.where(np.indices((side, side)).sum(0) % 2, high, low).astype(np.uint8)


def with_spots() -> tuple[np.ndarray, np.ndarray]:
    """Four spots of 3 by 3 pixels on a slope with grain, and an outline of them."""
    rng = np.random.default_rng(0)
    image = (
        np.add.outer(np.arange(64), np.zeros(64)) + 80 + rng.integers(-3, 4, (64, 64))
    )
    spots = np.zeros((64, 64), bool)
    for row, column in ((26, 26), (26, 38), (38, 26), (38, 38)):
        spots[row - 1 : row + 2, column - 1 : column + 2] = True
    return np.where(spots, image + 40, image).astype(np.uint8), spots


OUTLINE = np.zeros((64, 64), bool)
OUTLINE[20:44, 20:44] = True


def test_local_contrast_is_the_mean_over_windows():
    # Windows at 0, 8, ..., 32 in both directions. The one bright pixel, at 3, 3, lies
    # in the first window alone: contrast 1/3 in 1 of 25.
    image = flat(100)
    image[3, 3] = 200

    assert local_contrast(image) == pytest.approx((100 / 300) / 25)


def test_contrast_and_snr_of_a_chequerboard_are_those_of_its_two_levels():
    assert local_contrast(chequered(60, 140)) == pytest.approx(80 / 200)
    assert local_contrast(chequered(0, 255)) == 1
    assert local_contrast(flat(0)) == 0
    assert signal_to_noise(chequered(90, 110)) == pytest.approx(100 / 10)
    everywhere = np.zeros((48, 48), bool)
    everywhere[::8, ::8] = True
    assert np.isnan(signal_to_noise(chequered(90, 110), everywhere))


@pytest.mark.parametrize(("level", "expected"), [(130, 6), (60, -8)])
def test_visibility_is_the_step_over_the_deviation_of_the_ring(level, expected):
    # The ring's levels are 95 and 105, so its deviation is 5 and its mean near 100.
    image = chequered(95, 105, 64)
    bright = np.zeros(image.shape, bool)
    bright[30:34, 30:34] = True
    image[bright] = level
    away = np.maximum(abs(np.arange(64) - 31.5) - 1.5, 0)
    distance = np.hypot(away[:, None], away)
    ring = image[(distance > 2) & (distance <= 9)]
    found = visibility(image, bright)
    assert found == pytest.approx((level - ring.mean()) / ring.std())
    assert found == pytest.approx(expected, abs=0.05)


def test_bright_pixels_are_the_spots_in_the_mask_alone():
    image, spots = with_spots()
    half = OUTLINE.copy()
    half[:, 32:] = False
    for mask in (OUTLINE, half):
        np.testing.assert_array_equal(bright_pixels(image, mask), spots & mask)
    even = np.full(OUTLINE.shape, 7, np.uint8)
    assert not bright_pixels(even, OUTLINE).any()
    assert not bright_pixels(image, np.zeros_like(OUTLINE)).any()


def test_without_a_mask_or_in_an_empty_one_there_is_no_visibility():
    image, _ = with_spots()
    for mask in (None, np.zeros_like(OUTLINE)):
        values = measure_pair(image, image, mask)
        assert np.isnan(values["visibility_before"])
        assert values["snr_before"] == signal_to_noise(image)
    assert set(values) == {f"{m}_{n}" for m in MEASURES for n in ("before", "after")}


def test_snr_is_that_of_the_background_not_of_the_lesion():
    # Windows at 0, 8, ..., 32; those from column 24 on hold the noisier right half.
    image = chequered(90, 110)
    image[:, 24:] = chequered(50, 150)[:, 24:]
    mask = np.zeros(image.shape, bool)
    mask[:, 24:] = True

    assert signal_to_noise(image, mask) == pytest.approx(100 / 10)
    assert signal_to_noise(image, ~mask) == pytest.approx(100 / 50)


def test_a_constant_image_has_no_contrast_and_nothing_else():
    values = measure_pair(flat(), flat(), flat() > 0)

    for name in ("before", "after"):
        assert values[f"local_contrast_{name}"] == 0
        assert np.isnan(values[f"visibility_{name}"])
        assert np.isnan(values[f"snr_{name}"])


def test_stretching_grey_levels_changes_contrast_and_snr_but_not_visibility():
    image, _ = with_spots()
    wide = (image.astype(int) - 60).clip(0) * 2
    values = measure_pair(image, wide.astype(np.uint8), OUTLINE)

    assert wide.max() <= 255
    assert values["visibility_after"] == pytest.approx(values["visibility_before"])
    assert values["local_contrast_after"] > values["local_contrast_before"]
    assert values["snr_after"] < values["snr_before"]


def test_bright_pixels_are_those_of_the_image_before():
    image, spots = with_spots()
    # Enhancement that erases two of the four spots: they count all the same.
    after = image.copy()
    after[:, 32:] = np.where(spots[:, 32:], image[:, 32:] - 40, image[:, 32:])
    values = measure_pair(image, after, OUTLINE)

    assert values["visibility_after"] == pytest.approx(visibility(after, spots))
    assert values["visibility_after"] < 0.7 * values["visibility_before"]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((15, 40), np.uint8), r"16 pixels per side.*\(15, 40\)"),
        (np.zeros((40, 40)), "float64"),
        (np.zeros((1, 40, 40), np.uint8), r"\(1, 40, 40\)"),
    ],
)
def test_what_is_no_roi_is_refused(image, message):
    for measure in (local_contrast, signal_to_noise):
        with pytest.raises(ValueError, match=message):
            measure(image)


def test_images_and_masks_of_different_shapes_are_refused():
    for after, mask in ((flat(side=40), None), (flat(), flat(side=40) > 0)):
        with pytest.raises(ValueError, match="must be equal"):
            measure_pair(flat(), after, mask)
