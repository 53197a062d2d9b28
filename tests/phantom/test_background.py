from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from keras_wa.errors import UserError
from keras_wa.phantom import PhantomSpec, phantom_cases, render_roi
from keras_wa.phantom.background import insert_lesion, noise_ratio
from keras_wa.phantom.curve import film_curve, film_exposure
from keras_wa.phantom.noise import NOISE_POWER, draw_noise, haar_noise

SPEC = PhantomSpec(seed=3, size=64, field_mm=8.0)
ROW = {
    "roi_id": "PH3-0-00000-000000",
    "morphology": "PUNCTATE",
    "distribution": "CLUSTERED",
    "density": 2,
    "subtlety": 4,
}


def flat(pixel_mm, times=1.0, level=80, size=400, seed=0):
    """A flat film with the phantom's noise, and a number of times that."""
    noise = draw_noise(size, pixel_mm, np.random.default_rng(seed))
    return np.rint(level + times * np.sqrt(NOISE_POWER) * noise).astype(np.uint8)


def added(contrast, level=60, spec=SPEC, row=ROW):
    tissue = np.full((spec.size, spec.size), level, np.uint8)
    return insert_lesion(spec, row, tissue, contrast).astype(int) - level


@pytest.mark.parametrize("pixel_mm", [0.046, 0.085, 0.114])
@pytest.mark.parametrize("times", [0.5, 1, 2])
def test_the_noise_of_a_flat_film_is_found(pixel_mm, times):
    assert noise_ratio(flat(pixel_mm, times), pixel_mm) == pytest.approx(
        times, rel=0.02
    )


def test_the_noise_of_the_phantom_is_about_the_phantoms():
    spec = PhantomSpec(seed=0, size=128, field_mm=128 * 0.06)
    cases = phantom_cases(spec, 400).drop_duplicates("patient_id").head(60)
    found = [
        noise_ratio(render_roi(spec, row, lesion=False), spec.pixel_mm)
        for row in cases.to_dict("records")
    ]

    # The root of the power has a standard deviation of 14 % between patients.
    assert np.median(found) == pytest.approx(1, abs=0.06)


def test_bright_spots_and_shading_are_no_noise():
    film = flat(0.046).astype(float)
    film += np.linspace(0, 40, film.shape[1])
    film[::40, ::40] += 60

    assert noise_ratio(film.clip(0, 255).astype(np.uint8), 0.046) == pytest.approx(
        1, rel=0.05
    )


def test_bright_tissue_has_the_noise_of_dark_tissue():
    exposure = 200 + np.sqrt(NOISE_POWER) * draw_noise(
        400, 0.046, np.random.default_rng(1)
    )
    film = np.rint(film_curve(exposure)).astype(np.uint8)

    assert film.std() < 0.7 * exposure.std()
    assert noise_ratio(film, 0.046) == pytest.approx(1, rel=0.02)


def test_an_image_without_noise_has_that_of_rounding():
    constant, ramp = np.full((60, 60), 80, np.uint8), flat(0.085, 0.0)

    rounding = np.sqrt(1 / 12 / NOISE_POWER) / haar_noise(0.085)
    assert noise_ratio(constant, 0.085) == pytest.approx(rounding)
    assert noise_ratio(ramp, 0.085) == pytest.approx(rounding)


def test_twice_the_noise_is_twice_the_contrast():
    dim = dataclasses.replace(SPEC, conspicuity=0.5)
    once, twice = (
        added(noise_ratio(flat(0.114, times), 0.114), level=20, spec=dim).max()
        for times in (1, 2)
    )

    # On the straight part of the film's curve.
    assert 20 + twice < 110
    assert twice == pytest.approx(2 * once, abs=2)


def test_lesions_are_as_bright_as_the_phantoms():
    dim = dataclasses.replace(SPEC, conspicuity=0.3)
    here, there = [], []
    for row in phantom_cases(SPEC, 60).to_dict("records"):
        here.append(added(1.0, spec=dim, row=row).max())
        bare, drawn = (
            film_exposure(render_roi(dim, row, lesion=lesion).astype(float))
            for lesion in (False, True)
        )
        there.append((drawn - bare).max())

    assert np.mean(here) == pytest.approx(np.mean(there), rel=0.1)


def test_pixels_without_mineral_stay_as_they_are():
    tissue = flat(0.114, size=64, level=100)
    tissue[:8] = np.arange(256).reshape(4, 64).repeat(2, axis=0)

    drawn = insert_lesion(SPEC, ROW, tissue)

    changed = (drawn != tissue).astype(np.uint8)
    mineral = (added(1.0) > 15).astype(np.uint8)
    assert 0.01 < mineral.mean() < 0.3
    # The blur reaches over a pixel or two.
    around = cv2.dilate(mineral, np.ones((7, 7), np.uint8))
    assert not (changed & ~around & 1).any()
    assert (drawn >= tissue.astype(int)).all()


def test_bright_tissue_takes_less():
    assert added(1.0, level=200).max() < 0.6 * added(1.0, level=60).max()


def test_the_same_arguments_give_the_same_pixels_and_another_roi_others():
    tissue = flat(0.114, size=64)
    other = {**ROW, "roi_id": "PH3-0-00000-000001"}

    once, again = (insert_lesion(SPEC, ROW, tissue) for _ in range(2))

    np.testing.assert_array_equal(once, again)
    assert (insert_lesion(SPEC, other, tissue) != once).any()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"background": np.zeros((64, 32), np.uint8)}, r"expected uint8 of shape \(64"),
        ({"background": np.zeros((64, 64))}, "Received: float64"),
        ({"case_row": {**ROW, "roi_id": "PH4-0-00000-000000"}}, "with seed 3"),
        ({"case_row": {**ROW, "morphology": "ROUND"}}, "type of calcification"),
    ],
)
def test_a_wrong_argument_is_named(change, expected):
    arguments = {
        "spec": SPEC,
        "case_row": ROW,
        "background": np.zeros((64, 64), np.uint8),
        **change,
    }
    with pytest.raises(UserError, match=expected):
        insert_lesion(**arguments)


def test_noise_needs_two_rows():
    with pytest.raises(UserError, match="2 by 2 pixels"):
        noise_ratio(np.zeros((1, 5), np.uint8), 0.05)
