from __future__ import annotations

import cv2
import numpy as np
import pytest

from keras_wa.phantom.noise import covariances, draw_noise, haar_noise, noise_blur

PIXELS_MM = [0.046, 0.057, 0.114, 0.3]


def covariance(noise: np.ndarray, lag: int) -> float:
    return float((noise[:, lag:] * noise[:, : noise.shape[1] - lag]).mean())


@pytest.mark.parametrize("pixel_mm", PIXELS_MM)
def test_noise_is_blurred_white_noise_averaged_over_pixels(pixel_mm):
    # The oracle, along one axis: a Gaussian and two pixels on a fine grid.
    fine = pixel_mm / 200
    at = np.arange(-2000, 2001) * fine
    blur = np.exp(-((at / noise_blur(pixel_mm)) ** 2) / 2)
    seen = np.convolve(blur / blur.sum(), np.full(200, 1 / 200), "full")
    both = np.correlate(seen, seen, "full") / fine
    lags = len(both) // 2 + 200 * np.arange(4)

    np.testing.assert_allclose(
        covariances(pixel_mm), both[lags], atol=2e-4 * both.max()
    )


@pytest.mark.parametrize("pixel_mm", PIXELS_MM)
def test_what_is_drawn_has_the_covariances(pixel_mm):
    noise = draw_noise(1200, pixel_mm, np.random.default_rng(7))

    along = covariances(pixel_mm)
    variance = along[0] ** 2
    assert noise.mean() == pytest.approx(0, abs=0.01 * np.sqrt(variance))
    for lag, expected in enumerate(along[0] * along):
        assert abs(covariance(noise, lag) - expected) < 0.01 * variance


@pytest.mark.parametrize("size", [224, 448])
def test_noise_of_shrunk_film_is_that_of_larger_pixels(size):
    rng = np.random.default_rng(9)

    def spectrum(images):
        return np.mean([np.abs(np.fft.fft2(each)) ** 2 for each in images], axis=0)

    direct = spectrum(draw_noise(size, 25.6 / size, rng) for _ in range(8))
    film = (draw_noise(557, 25.6 / 557, rng) for _ in range(8))
    shrunk = spectrum(
        cv2.resize(each, (size, size), interpolation=cv2.INTER_AREA) for each in film
    )

    f = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size)))
    for low, high in ((0.02, 0.2), (0.2, 0.35), (0.35, 0.5), (0.5, 0.7)):
        band = (f > low) & (f <= high)
        assert direct[band].mean() == pytest.approx(shrunk[band].mean(), rel=0.1)


def test_noise_of_large_pixels_is_white_of_the_stated_power():
    noise = draw_noise(400, 1.0, np.random.default_rng(8))

    assert noise.std() == pytest.approx(1, abs=0.04)


def test_edges_are_as_noisy_as_the_middle():
    rng = np.random.default_rng(3)
    noise = np.stack([draw_noise(64, 0.046, rng) for _ in range(60)])

    edge = np.concatenate([noise[:, 0].ravel(), noise[:, :, -1].ravel()])
    assert edge.std() == pytest.approx(noise[:, 8:-8, 8:-8].std(), rel=0.05)


@pytest.mark.parametrize("pixel_mm", PIXELS_MM)
def test_haars_diagonal_band(pixel_mm):
    noise = draw_noise(1200, pixel_mm, np.random.default_rng(5))

    across = noise[:, ::2] - noise[:, 1::2]
    diagonal = (across[::2] - across[1::2]) / 2
    assert haar_noise(pixel_mm) == pytest.approx(diagonal.std(), rel=0.01)
