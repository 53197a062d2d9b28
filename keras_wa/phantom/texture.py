"""Breast tissue without calcifications: power-law texture and strands.

Its parameters were measured on film by `python -m benchmarks.film`, see
docs/phantom-validity.md.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import scipy.fft

from keras_wa.phantom.noise import NOISE_POWER

Array = np.ndarray

FIELD_MM = 25.6
"""Side of the field for the standard deviations of `Tissue`, mm."""
# Local variation of the amplitude of the texture.
_UNEVEN = 0.35
# Exponent of the power spectrum of the shading.
_SMOOTH_BETA = 4.2


@dataclasses.dataclass(frozen=True)
class Tissue:
    """Parameters of the tissue of a breast on a film.

    Attributes:
        beta: exponent of the power spectrum, about 3 (Burgess et al., Medical Physics
            28(4), 2001: 2.8 on average).
        stretch: ratio of length to width of the texture along its direction, ≥ 1.
        direction: direction of the texture, radians.
        strands: number of ducts, vessels and ligaments in the field.
        septa: strength of the net of septa between fatty lobules.
        noise: power of the film's noise at low frequencies, grey levels² mm².
        blur_mm: standard deviation of the blur of film and scanner, mm.
        skew: skewness of the texture towards bright values.
        contrast: standard deviation of the texture, grey levels.
        shading: standard deviation of structure wider than the texture (fat beside
            gland, thickness of the breast), relative to that of the texture.
    """

    beta: float
    stretch: float
    direction: float
    strands: int
    septa: float
    noise: float
    blur_mm: float
    skew: float
    contrast: float
    shading: float


def draw_tissue_kind(
    density: int, rng: np.random.Generator, blur_mm: float | None = None
) -> Tissue:
    """Draws the tissue of a patient with a BI-RADS density of 1 (fatty) to 4.

    A fatty breast has more strands and septa, a dense one a more even texture.
    `blur_mm` (see `PhantomSpec`) does not affect the other parameters.
    """
    kind = Tissue(
        beta=3.0 - 0.05 * density + rng.normal(0, 0.15),
        stretch=rng.uniform(1.0, 2.0),
        direction=rng.uniform(0, np.pi),
        strands=int(rng.integers(4, 16 - 2 * density)),
        septa=(0.8, 0.6, 0.45, 0.3)[density - 1] * rng.uniform(0.5, 1.5),
        noise=NOISE_POWER * rng.lognormal(0, 0.28),
        blur_mm=rng.uniform(0.035, 0.065),
        skew=(0.25, 0.15, 0.05, -0.05)[density - 1],
        contrast=7.9 * rng.lognormal(0, 0.12),
        shading=2.2,
    )
    return kind if blur_mm is None else dataclasses.replace(kind, blur_mm=blur_mm)


def for_roi(kind: Tissue, rng: np.random.Generator) -> Tissue:
    """Draws contrast and shading of the tissue at one position of the breast."""
    return dataclasses.replace(
        kind,
        contrast=kind.contrast * rng.lognormal(0, 0.15),
        shading=kind.shading * rng.lognormal(0, 0.4),
    )


def _frequencies(side: int, pixel_mm: float) -> tuple[Array, Array]:
    """Returns frequencies of a half-plane spectrum, rows and columns, cycles per mm."""
    fy = scipy.fft.fftfreq(side, pixel_mm)[:, None]
    fx = scipy.fft.rfftfreq(side, pixel_mm)[None, :]
    return fy, fx


def _blur_transfer(side: int, pixel_mm: float, sigma_mm: float) -> Array:
    fy, fx = (
        np.exp(-2 * (np.pi * sigma_mm * f) ** 2) for f in _frequencies(side, pixel_mm)
    )
    return fy * fx


# A patient's ROIs are consecutive and share these, half of the work.
@functools.lru_cache(maxsize=4)
def _filters(
    beta: float,
    stretch: float,
    direction: float,
    blur_mm: float,
    side: int,
    pixel_mm: float,
) -> tuple[Array, Array]:
    """Returns the filters of white noise for the texture and the septa's field."""
    fy, fx = _frequencies(side, pixel_mm)
    cos, sin = np.cos(direction), np.sin(direction)
    along, across = fx * cos + fy * sin, fy * cos - fx * sin
    square = (along * stretch) ** 2 + across * across
    square[0, 0] = np.inf
    # Amplitude is the root of the power f^-beta.
    texture = square ** (-beta / 4)
    return texture * _blur_transfer(side, pixel_mm, blur_mm), square ** (
        -_SMOOTH_BETA / 4
    )


def _standardized(field: Array) -> Array:
    centred = field - field.mean()
    centred /= np.sqrt(np.mean(centred * centred))
    return centred


def draw_tissue(
    kind: Tissue, size: int, pixel_mm: float, rng: np.random.Generator
) -> Array:
    """Draws tissue without noise, of mean 0 and standard deviation 1."""
    # Drawn on a larger torus and cropped, so that opposite edges do not match and
    # gradients can be longer than the field.
    side = scipy.fft.next_fast_len(size + size // 3, real=True)
    texture, septa = _filters(
        kind.beta, kind.stretch, kind.direction, kind.blur_mm, side, pixel_mm
    )
    white = scipy.fft.rfft2(rng.standard_normal((side, side)))
    field = scipy.fft.irfft2(white * texture, s=(side, side))
    field = _standardized(field[:size, :size])
    field += kind.skew * (field * field - 1)
    growth = size * pixel_mm / FIELD_MM
    # The zero lines of a smoother field are a net of septa. It uses the same white
    # noise, flipped, which is not noticeable.
    smooth = scipy.fft.irfft2(white * septa, s=(side, side))
    smooth = np.ascontiguousarray(smooth[::-1, ::-1].T[:size, :size])
    smooth = _standardized(smooth)
    # The amount of structure varies locally.
    field *= np.exp(_UNEVEN * smooth[::-1])
    strands = draw_strands(kind, size * pixel_mm, 0.75 * smooth + 0.25 * field, rng)
    net = kind.septa * (1 / (1 + (smooth * 9) ** 2))
    net *= 1.2 + 0.5 * smooth
    field += net
    field += strands
    # Shading grows faster with the field than texture.
    shading = kind.shading * growth ** ((_SMOOTH_BETA - kind.beta) / 2)
    field += shading * smooth.T
    return _standardized(field)


def deviation(kind: Tissue, field_mm: float) -> float:
    """Returns the standard deviation of the tissue in a field, grey levels."""
    growth = field_mm / FIELD_MM
    texture = growth ** (kind.beta / 2 - 1)
    shading = kind.shading * growth ** (_SMOOTH_BETA / 2 - 1)
    return float(kind.contrast * np.hypot(texture, shading))


def draw_strands(
    kind: Tissue, field_mm: float, winding: Array, rng: np.random.Generator
) -> Array:
    """Draws ducts, vessels and ligaments: soft lines, bent by the field `winding`.

    Returns:
        Their contrast, in standard deviations of the tissue.
    """
    size = len(winding)
    half = field_mm / 2
    axis = (np.arange(size) + 0.5) * (field_mm / size) - half
    total = np.zeros_like(winding)
    # In place: allocating memory takes longer than the computation.
    t, d, bend = (np.empty_like(winding) for _ in range(3))
    for _ in range(kind.strands):
        way = kind.direction + rng.normal(0, 0.5)
        offset = rng.uniform(-half, half)
        sag = rng.normal(0, 0.2) / half
        width = rng.uniform(0.12, 0.5)
        strength = 0.55 * rng.lognormal(0, 0.6)
        wind = rng.uniform(-0.08, 0.08) * half
        brightest = rng.uniform(-half, half)
        cos, sin = np.cos(way), np.sin(way)
        x, y = axis[None, :], axis[:, None]
        np.add(x * cos, y * sin, out=t)
        np.subtract(y * cos, x * sin, out=d)
        d -= offset
        np.multiply(t, sag, out=bend)
        bend *= t
        d -= bend
        np.multiply(winding, wind, out=bend)
        d += bend
        fade = _bell(t, brightest, half)
        fade *= strength
        profile = _bell(d, 0.0, width)
        fade *= profile
        fade *= profile
        total += fade
    return total


def _bell(distance: Array, centre: float, width: float) -> Array:
    """Computes `1 / (1 + ((distance - centre) / width)^2)` in place."""
    distance -= centre
    distance /= width
    distance *= distance
    distance += 1
    return np.divide(1.0, distance, out=distance)
