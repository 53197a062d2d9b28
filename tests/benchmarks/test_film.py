"""The measures that film and phantom are compared by, on images that are known."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage

from benchmarks.film.measures import exponent, measure, power_spectrum
from benchmarks.film.particles import find_particles, summarize
from benchmarks.film.tables import print_table

PIXEL_MM = 0.046


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_white_noise_has_the_same_power_everywhere(rng):
    noise = rng.normal(100, 3, (256, 256))

    f, power = power_spectrum(noise, PIXEL_MM)

    # The lowest frequencies are few, and the window leaks the mean there.
    np.testing.assert_allclose(power[f > 2], (3 * PIXEL_MM) ** 2, rtol=0.15)


@pytest.mark.parametrize("beta", [2.0, 3.0])
def test_exponent_of_a_power_law(rng, beta):
    f = np.hypot(np.fft.fftfreq(557, PIXEL_MM)[:, None], np.fft.fftfreq(557, PIXEL_MM))
    f[0, 0] = np.inf
    spectra = []
    for _ in range(6):
        white = np.fft.fft2(rng.standard_normal((557, 557)))
        field = np.fft.ifft2(white * f ** (-beta / 2)).real
        spectra.append(power_spectrum(field, PIXEL_MM))

    frequency = spectra[0][0]
    found = exponent(frequency, np.mean([power for _, power in spectra], axis=0))
    assert found == pytest.approx(beta, abs=0.15)


def test_noise_power_and_its_blur(rng):
    sigma_mm = 0.03
    white = rng.normal(0, 1, (557, 557)) * 12
    blurred = scipy.ndimage.fourier_gaussian(np.fft.fft2(white), sigma_mm / PIXEL_MM)
    noise = np.fft.ifft2(blurred).real
    field = np.rint(128 + noise).astype(np.uint8)

    found = measure(field, PIXEL_MM)

    # A Gaussian of this width leaves exp(-(2 pi f sigma)²) of the power.
    middle = np.exp(-((2 * np.pi * sigma_mm) ** 2) * 2.8 * 5.5)
    expected = (12 * PIXEL_MM) ** 2 * middle
    name = "noise power, 2.8 to 5.5 /mm, grey² mm²"
    assert found[name] == pytest.approx(expected, rel=0.1)
    assert found["noise blur, standard deviation, mm"] == pytest.approx(
        sigma_mm, rel=0.05
    )


def test_particles_have_the_diameter_contrast_and_distance_that_were_drawn(rng):
    y, x = np.mgrid[:200, :200]
    places, diameter_mm = [(50, 50), (50, 110), (150, 60)], 0.5
    field = 100 + rng.normal(0, 2, (200, 200))
    for row, column in places:
        field[np.hypot(y - row, x - column) * PIXEL_MM <= diameter_mm / 2] += 40
    field = np.rint(field).astype(np.uint8)

    found = find_particles(field, PIXEL_MM)

    np.testing.assert_allclose(found.diameter, diameter_mm, rtol=0.05)
    # The peak is the brightest of some 90 noisy pixels.
    np.testing.assert_allclose(found.contrast, 40 + 2.5 * 2, atol=3)
    assert found.noise == pytest.approx(2, rel=0.1)
    np.testing.assert_allclose(
        found.spacing, np.array([60, 60, np.hypot(100, 10)]) * PIXEL_MM, rtol=0.02
    )


def test_noise_alone_holds_hardly_a_particle(rng):
    fields = [np.rint(rng.normal(120, 3, (60, 60))).astype(np.uint8) for _ in range(20)]

    found = summarize(fields, 0.085)

    assert found["particles a field"].sum() <= 1
    assert found["noise of a pixel, grey"].mean() == pytest.approx(3, rel=0.1)


def test_rows_that_do_not_agree_have_a_letter(capsys):
    film = np.linspace(0, 1, 11)
    drawn = {"same": film, "wider": 2 * film - 0.5, "higher": film + 2}

    print_table("title", dict.fromkeys(drawn, film), drawn)

    rows = capsys.readouterr().out.splitlines()[-3:]
    assert [row.split(" | ", 3)[3] for row in rows] == [
        "yes | 1.00 |",
        "yes | **2.00** (a) |",
        "**no** | 1.00 (b) |",
    ]
