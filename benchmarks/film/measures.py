"""Measures of a field of breast tissue: spectrum, noise, subbands, grey levels.

Grey levels are of 0 to 255, lengths in mm, frequencies in cycles per mm. Method and
sources: docs/phantom-validity.md.
"""

from __future__ import annotations

import numpy as np
import pywt
from scipy.stats import kurtosis

from keras_wa.data.io.clahe import clahe
from keras_wa.data.io.resize import resize

Array = np.ndarray

TEXTURE_BAND = 0.15, 1.0
"""Where the exponent is fitted, cycles per mm (Burgess et al. 2001)."""
NOISE_BAND = 2.8, 5.5
"""Where noise outweighs texture and the film's sampling does not yet alias."""
_TOP_BAND = 8.5, 10.0


def power_spectrum(field: Array, pixel_mm: float) -> tuple[Array, Array]:
    """Radial power spectrum under a Hann window.

    Args:
        field: `(n, n)` grey levels.
        pixel_mm: side of a pixel.

    Returns:
        Frequencies, and the power at each, grey levels² mm²: of white noise of
        standard deviation s it is (s pixel_mm)².
    """
    n = len(field)
    window = np.outer(np.hanning(n), np.hanning(n))
    centred = field - (field * window).sum() / window.sum()
    power = np.abs(np.fft.fft2(centred * window)) ** 2
    power *= pixel_mm**2 / (window**2).sum()
    f = np.fft.fftfreq(n, pixel_mm)
    radius = np.hypot(f[:, None], f[None, :]).ravel()
    edges = np.geomspace(0.1, 0.5 / pixel_mm, 41)
    place = np.digitize(radius, edges)
    count, total, frequency = (
        np.bincount(place, weights, 42)[1:-1]
        for weights in (None, power.ravel(), radius)
    )
    held = count > 0
    return frequency[held] / count[held], total[held] / count[held]


def exponent(f: Array, power: Array, band: tuple[float, float] = TEXTURE_BAND) -> float:
    """The beta of `power ~ f^-beta`, by least squares of the logarithms."""
    chosen = (f >= band[0]) & (f <= band[1])
    return float(-np.polyfit(np.log(f[chosen]), np.log(power[chosen]), 1)[0])


def _level(f: Array, power: Array, band: tuple[float, float]) -> float:
    chosen = (f >= band[0]) & (f <= band[1])
    return float(np.exp(np.log(power[chosen]).mean()))


def measure(field: Array, pixel_mm: float) -> dict[str, float]:
    """Measures a field.

    Args:
        field: uint8 `(n, n)`, 25.6 mm wide.
        pixel_mm: side of a pixel, at most 0.05 for the measures of noise.

    Returns:
        Name of the measure -> value.
    """
    f, power = power_spectrum(field.astype(float), pixel_mm)
    noise, top = (_level(f, power, band) for band in (NOISE_BAND, _TOP_BAND))
    middle, high = (np.sqrt(low * end) for low, end in (NOISE_BAND, _TOP_BAND))
    found = {
        "exponent beta, 0.15 to 1 /mm": exponent(f, power),
        "power at 1 /mm, grey² mm²": _level(f, power, (0.85, 1.2)),
        "noise power, 2.8 to 5.5 /mm, grey² mm²": noise,
        # Of noise that a Gaussian has blurred.
        "noise blur, standard deviation, mm": np.sqrt(
            max(np.log(noise / top), 0) / (high**2 - middle**2)
        )
        / (2 * np.pi),
        "mean, grey": field.mean(),
        "standard deviation, grey": field.std(),
    }
    for size in (224, 448):
        small = resize(field, (size, size)).astype(float)
        ll, details = pywt.dwt2(small, "haar")
        bands = dict(zip(("LL", "LH", "HL", "HH"), (ll, *details), strict=True))
        for name, band in bands.items():
            scale = 2 if name == "LL" else 1
            key = "LL / 2" if name == "LL" else name
            found[f"{size} px: standard deviation of {key}"] = band.std() / scale
    found |= scale_free(resize(field, (224, 224)))
    return {name: float(value) for name, value in found.items()}


def scale_free(field: Array) -> dict[str, float]:
    """Measures that need no pixel size.

    Args:
        field: uint8, of even sides.

    Returns:
        Name of the measure -> value.
    """
    _, (lh, hl, hh) = pywt.dwt2(field.astype(float), "haar")
    sizes = [np.abs(band).ravel() for band in (lh, hl, hh)]
    equalised = clahe(field)
    least, most = np.percentile(equalised, [5, 95])
    found = {
        "excess kurtosis of LH": kurtosis(lh, axis=None),
        "excess kurtosis of HH": kurtosis(hh, axis=None),
        "correlation of abs(LH) and abs(HL)": np.corrcoef(sizes[0], sizes[1])[0, 1],
        "correlation of abs(LH) and abs(HH)": np.corrcoef(sizes[0], sizes[2])[0, 1],
        "mean after CLAHE": equalised.mean(),
        "standard deviation after CLAHE": equalised.std(),
        "95 % - 5 % after CLAHE": most - least,
    }
    return {name: float(value) for name, value in found.items()}
