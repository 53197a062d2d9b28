"""The noise of film and scanner, for pixels of any size.

Its parameters were measured on film by `python -m benchmarks.film`, see
docs/phantom-validity.md.
"""

from __future__ import annotations

import functools

import numpy as np
from scipy.ndimage import convolve1d
from scipy.special import ndtr

Array = np.ndarray

FILM_PIXEL_MM = 0.046
"""Side of a pixel of the films that the phantom is fitted to, mm."""
NOISE_POWER = 0.057
"""Median of `Tissue.noise` over patients, grey levels² mm²."""

# Standard deviation of the Gaussian blur of the noise by film and scanner.
_NOISE_BLUR_MM = 0.024
# Range of the correlation of the noise, pixels.
_REACH = 3


def draw_noise(size: int, pixel_mm: float, rng: np.random.Generator) -> Array:
    """Draws noise of film and scanner, of power 1 grey level² mm² at low frequencies.

    White noise, blurred by a Gaussian of `noise_blur` and averaged over each pixel:
    smaller pixels are noisier and more correlated.
    """
    taps = _taps(pixel_mm)
    noise = rng.standard_normal((size, size))
    for axis in (0, 1):
        # Periodic, so that the edges are as noisy as the middle.
        noise = convolve1d(noise, taps, axis, mode="wrap")
    return noise


def haar_noise(pixel_mm: float) -> float:
    """Returns the standard deviation of Haar's band HH of `draw_noise`, grey levels."""
    # Along an axis HH is the difference of two neighbours over the root of 2, with this
    # variance.
    same, beside, *_ = covariances(pixel_mm)
    return float(same - beside)


def noise_blur(pixel_mm: float) -> float:
    """Returns the standard deviation of the noise's blur without the pixel, mm."""
    # Larger pixels are means of film pixels, which are means over squares themselves.
    # Where a larger pixel cuts one, it counts as constant: the variance of two squares.
    shrunk = pixel_mm > 1.01 * FILM_PIXEL_MM
    return float(np.hypot(_NOISE_BLUR_MM, FILM_PIXEL_MM / np.sqrt(6) if shrunk else 0))


def covariances(pixel_mm: float) -> Array:
    """Returns the covariances of the noise of pixels 0 to 3 apart along one axis.

    In two dimensions the covariance is the product of both axes.
    """
    # The integral of the Gaussian over a triangle: the Gaussian's second integral at
    # three points.
    at = np.arange(-1, _REACH + 2) * pixel_mm
    width = np.sqrt(2) * noise_blur(pixel_mm)
    density = np.exp(-((at / width) ** 2) / 2) / np.sqrt(2 * np.pi)
    second = at * ndtr(at / width) + width * density
    return np.asarray(np.diff(second, 2) / pixel_mm**2)


@functools.lru_cache(maxsize=8)
def _taps(pixel_mm: float) -> Array:
    """Returns the even filter that gives white noise the covariances of the noise."""
    n = 64
    padded = np.zeros(n)
    padded[: _REACH + 1] = covariances(pixel_mm)
    padded[-_REACH:] = padded[_REACH:0:-1]
    amplitude = np.sqrt(np.maximum(np.fft.rfft(padded).real, 0))
    taps = np.fft.irfft(amplitude, n)
    return np.concatenate([taps[-_REACH:], taps[: _REACH + 1]])
