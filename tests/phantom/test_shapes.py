from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage

from keras_wa.phantom import shapes
from keras_wa.phantom.distributions import Sites
from keras_wa.phantom.particles import draw

FINE = 0.02
"""Pixel at which shapes are measured, mm."""
FIELD = 25.6


def at_centre(count=1):
    return Sites(np.zeros(count), np.zeros(count), np.zeros(count))


def spread(count):
    return Sites(np.arange(count) * 100.0, np.zeros(count), np.zeros(count))


def drawn(shape, seed, size=300, field_mm=FIELD):
    """One calcification of the type, `(size, size)` at `FINE` mm per pixel."""
    parts = shape(at_centre(), field_mm, np.random.default_rng(seed))
    return draw(parts, size, FINE)


def diameter(image) -> float:
    """Of the circle with the area of what is drawn, mm."""
    return 2 * np.sqrt((image > 0.5 * image.max()).sum() / np.pi) * FINE


def solidity_of_centre(image) -> float:
    """Brightness at the centroid over the brightest."""
    row, column = (round(c) for c in scipy.ndimage.center_of_mass(image > 0))
    return image[row, column] / image.max()


@pytest.mark.parametrize(
    ("shape", "low", "high"),
    [
        (shapes.punctate, 0.1, 0.5),
        (shapes.round_and_regular, 0.35, 1.0),
        (shapes.lucent_center, 0.5, 2.3),
        (shapes.eggshell, 0.6, 5.0),
        (shapes.coarse, 0.6, 5.0),
        (shapes.dystrophic, 0.5, 3.0),
        (shapes.pleomorphic, 0.1, 1.3),
        (shapes.skin, 0.3, 1.0),
        (shapes.milk_of_calcium, 0.2, 1.2),
    ],
)
def test_diameters_are_those_of_the_atlas(shape, low, high):
    # A rim alone covers less than its disc: fill it.
    for seed in range(12):
        image = drawn(shape, seed)
        filled = scipy.ndimage.binary_fill_holes(image > 0.5 * image.max())
        assert low < diameter(filled.astype(float)) < high


@pytest.mark.parametrize("shape", [shapes.lucent_center, shapes.eggshell, shapes.skin])
def test_rims_have_a_lucent_centre(shape):
    assert max(solidity_of_centre(drawn(shape, seed)) for seed in range(8)) < 0.5


@pytest.mark.parametrize("shape", [shapes.punctate, shapes.round_and_regular])
def test_round_ones_are_brightest_at_their_centre(shape):
    assert min(solidity_of_centre(drawn(shape, seed)) for seed in range(8)) > 0.9


def test_eggshell_rim_is_thinner_than_a_lucent_centres():
    def rim(shape):
        parts = shape(spread(200), FIELD, np.random.default_rng(0))
        return np.median((1 - parts.hollow) * parts.a)

    assert rim(shapes.eggshell) < 0.7 * rim(shapes.lucent_center)


def test_rods_are_long_thick_and_nearly_parallel():
    parts = shapes.large_rodlike(at_centre(50), FIELD, np.random.default_rng(0))

    assert (2 * parts.b > 0.4).all()
    assert np.median(parts.a / parts.b) > 4
    assert abs(np.mean(np.exp(2j * parts.angle))) > 0.8


def test_vessel_is_two_parallel_tracks():
    rows = []
    for seed in range(8):
        parts = shapes.vascular(at_centre(), FIELD, np.random.default_rng(seed))
        centre = parts.density < 0.05
        axis = np.polynomial.Polynomial.fit(parts.x[centre], parts.y[centre], 8)
        plaque = ~centre & (np.abs(parts.x) < 5)
        rows.append(parts.y[plaque] - axis(parts.x[plaque]))
    apart = np.concatenate(rows)

    # Nothing in the bore, and as much on one wall as on the other.
    assert (np.abs(apart) > 0.25).mean() > 0.95
    assert 0.35 < (apart > 0).mean() < 0.65


def test_fine_lines_are_thin_broken_and_forked():
    parts = shapes.fine_linear_branching(at_centre(40), FIELD, np.random.default_rng(0))

    # BI-RADS: less than 0.5 mm across.
    assert (2 * parts.b < 0.5).all()
    assert np.median(parts.a / parts.b) > 1.5
    # More pieces than a stem of at most five can have: branches.
    assert len(parts) > 40 * 5
    image = draw(
        shapes.fine_linear_branching(at_centre(), FIELD, np.random.default_rng(3)),
        300,
        FINE,
    )
    assert scipy.ndimage.label(image > 0.1)[1] > 1


def test_pleomorphic_vary_in_size_and_density_more_than_punctate():
    def variation(shape):
        parts = shape(spread(300), FIELD, np.random.default_rng(0))
        return np.std(parts.a) / np.mean(parts.a), np.std(parts.density)

    size, density = variation(shapes.pleomorphic)
    even_size, even_density = variation(shapes.punctate)
    assert size > 3 * even_size
    assert density > 3 * even_density


def test_pleomorphic_outlines_have_corners_and_round_ones_have_none():
    def sides(shape):
        parts = shape(spread(20), FIELD, np.random.default_rng(0))
        return (parts.sides < 1).sum(axis=1)

    assert sides(shapes.pleomorphic).min() >= 4
    assert not sides(shapes.round_and_regular).any()


def test_amorphous_edges_are_hazier_than_any_other_small_type():
    def sharpness(shape):
        return np.median(
            [
                np.abs(np.diff(image, axis=0)).max() / image.max()
                for image in (drawn(shape, seed) for seed in range(8))
            ]
        )

    assert sharpness(shapes.amorphous) < 0.5 * sharpness(shapes.punctate)
    assert sharpness(shapes.amorphous) < 0.5 * sharpness(shapes.pleomorphic)


def test_dystrophic_are_larger_than_pleomorphic():
    large, small = (
        np.median([diameter(drawn(shape, seed)) for seed in range(20)])
        for shape in (shapes.dystrophic, shapes.pleomorphic)
    )

    assert large > 2 * small


def test_popcorn_is_uneven_inside():
    for seed in range(6):
        image = drawn(shapes.coarse, seed)
        inside = scipy.ndimage.binary_erosion(image > 0.2 * image.max(), iterations=5)
        assert np.std(image[inside]) / np.mean(image[inside]) > 0.1


def test_teacups_are_level_on_top():
    for seed in range(6):
        image = drawn(shapes.milk_of_calcium, seed) > 0.1
        rows = np.flatnonzero(image.any(axis=1))
        widths = image.sum(axis=1)
        # The widest line is at or near the top, not in the middle.
        assert np.argmax(widths) - rows[0] < 0.35 * len(rows)


@pytest.mark.parametrize(
    "shape",
    [shapes.lucent_center, shapes.eggshell, shapes.coarse, shapes.dystrophic],
)
def test_large_types_fit_a_small_field(shape):
    for seed in range(8):
        assert diameter(drawn(shape, seed, field_mm=7.3)) < 0.4 * 7.3
