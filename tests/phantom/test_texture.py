from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from keras_wa.phantom.texture import (
    deviation,
    draw_tissue,
    draw_tissue_kind,
    for_roi,
)

PLAIN = dataclasses.replace(
    draw_tissue_kind(2, np.random.default_rng(0)),
    stretch=1.0,
    strands=0,
    septa=0.0,
    blur_mm=0.0,
    skew=0.0,
    shading=0.0,
)


def spectral_slope(images: np.ndarray) -> float:
    """Exponent of the radial power spectrum, fitted over the middle frequencies."""
    size = images.shape[-1]
    window = np.outer(np.hanning(size), np.hanning(size))
    power = (np.abs(np.fft.fft2(images * window)) ** 2).mean(axis=0)
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size)))
    bins = np.geomspace(4 / size, 0.3, 12)
    place = np.digitize(f, bins)
    radial = [power[place == k].mean() for k in range(1, len(bins))]
    centre = [f[place == k].mean() for k in range(1, len(bins))]
    return -np.polyfit(np.log(centre), np.log(radial), 1)[0]


@pytest.mark.parametrize("beta", [2.5, 3.0, 3.5])
def test_power_spectrum_falls_with_beta(beta):
    kind = dataclasses.replace(PLAIN, beta=beta)
    rng = np.random.default_rng(1)

    images = np.stack([draw_tissue(kind, 128, 0.1, rng) for _ in range(20)])

    assert spectral_slope(images) == pytest.approx(beta, abs=0.2)


def test_tissue_with_strands_and_septa_still_has_a_natural_spectrum():
    rng = np.random.default_rng(2)
    images = np.stack(
        [
            draw_tissue(draw_tissue_kind(d, rng), 128, 0.114, rng)
            for d in [1, 2, 3, 4] * 5
        ]
    )

    # Real mammograms: 2.8 on average; blur steepens the high frequencies.
    assert 2.5 < spectral_slope(images) < 4.5


@pytest.mark.parametrize("density", [1, 2, 3, 4])
def test_tissue_is_standardized_whatever_the_density(density):
    rng = np.random.default_rng(density)

    image = draw_tissue(draw_tissue_kind(density, rng), 48, 0.114, rng)

    assert image.shape == (48, 48)
    assert image.mean() == pytest.approx(0, abs=1e-9)
    assert image.std() == pytest.approx(1)


def test_fatty_breasts_have_more_strands_and_septa_than_dense_ones():
    rng = np.random.default_rng(3)
    fatty, dense = ([draw_tissue_kind(d, rng) for _ in range(200)] for d in (1, 4))

    for name in ("strands", "septa", "beta"):
        means = [np.mean([getattr(k, name) for k in group]) for group in (fatty, dense)]
        assert means[0] > means[1]


def test_opposite_edges_do_not_match():
    rng = np.random.default_rng(4)
    images = np.stack([draw_tissue(PLAIN, 64, 0.1, rng) for _ in range(60)])

    across = np.mean((images[:, :, 0] - images[:, :, -1]) ** 2)
    beside = np.mean((images[:, :, 0] - images[:, :, 1]) ** 2)
    # On a torus of the field's size both would be equal.
    assert across > 10 * beside


def test_stretched_texture_is_smoother_along_its_direction():
    kind = dataclasses.replace(PLAIN, stretch=2.0, direction=0.0)
    rng = np.random.default_rng(5)
    images = np.stack([draw_tissue(kind, 64, 0.1, rng) for _ in range(20)])

    along = np.abs(np.diff(images, axis=2)).mean()
    across = np.abs(np.diff(images, axis=1)).mean()
    assert along < 0.8 * across


def test_a_wider_field_varies_more():
    kind = dataclasses.replace(PLAIN, contrast=10.0, beta=3.0)

    assert deviation(kind, 25.6) == pytest.approx(10)
    # A power law of exponent 3 has half of its variance in half of the field.
    assert deviation(kind, 12.8) == pytest.approx(10 / np.sqrt(2))
    shaded = dataclasses.replace(kind, shading=2.0)
    assert deviation(shaded, 25.6) == pytest.approx(10 * np.sqrt(5))
    assert deviation(shaded, 12.8) < deviation(shaded, 25.6) / np.sqrt(2)


def test_places_of_a_breast_differ_in_contrast_and_shading_alone():
    kind = draw_tissue_kind(2, np.random.default_rng(9))

    places = [for_roi(kind, np.random.default_rng(seed)) for seed in range(300)]

    for name in ("contrast", "shading"):
        drawn = [getattr(place, name) for place in places]
        assert np.median(drawn) == pytest.approx(getattr(kind, name), rel=0.1)
        assert np.std(drawn) > 0.1 * getattr(kind, name)
        places = [
            dataclasses.replace(place, **{name: getattr(kind, name)})
            for place in places
        ]
    assert places == [kind] * 300
