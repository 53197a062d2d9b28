"""Breast tissue without calcifications: power-law texture, strands, film grain."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import scipy.fft

Array = np.ndarray


@dataclasses.dataclass(frozen=True)
class Tissue:
    """What one breast on one film looks like.

    Attributes:
        beta: exponent of the power spectrum, about 3 (Burgess et al., Medical Physics
            28(4), 2001: 2.8 on average).
        stretch: how much longer than wide the texture is along its direction, ≥ 1.
        direction: radians.
        strands: number of ducts, vessels and ligaments in the field.
        septa: strength of the net of septa between fatty lobules.
        grain: standard deviation of the film grain, in that of the tissue.
        blur_mm: standard deviation of the blur of film and scanner, mm.
        skew: how much longer the bright tail of the texture is than the dark one.
    """

    beta: float
    stretch: float
    direction: float
    strands: int
    septa: float
    grain: float
    blur_mm: float
    skew: float


def draw_tissue_kind(
    density: int, rng: np.random.Generator, blur_mm: float | None = None
) -> Tissue:
    """Draws the tissue of a patient.

    Args:
        density: BI-RADS breast density, 1 (fatty) to 4 (extremely dense).
        rng: source of randomness.
        blur_mm: see `PhantomSpec`. All else is drawn as without it.

    Returns:
        The tissue: a fatty breast has more strands and septa, a dense one a more even
        texture.
    """
    kind = Tissue(
        beta=3.3 - 0.06 * density + rng.normal(0, 0.12),
        stretch=rng.uniform(1.0, 2.0),
        direction=rng.uniform(0, np.pi),
        strands=int(rng.integers(2, 9 - density)),
        septa=(0.55, 0.4, 0.3, 0.2)[density - 1] * rng.uniform(0.5, 1.5),
        grain=rng.uniform(0.14, 0.26),
        blur_mm=rng.uniform(0.09, 0.14),
        skew=(0.25, 0.15, 0.05, -0.05)[density - 1],
    )
    return kind if blur_mm is None else dataclasses.replace(kind, blur_mm=blur_mm)


def _frequencies(side: int, pixel_mm: float) -> tuple[Array, Array]:
    """Of the rows and columns of a half-plane spectrum, cycles per mm."""
    fy = scipy.fft.fftfreq(side, pixel_mm)[:, None]
    fx = scipy.fft.rfftfreq(side, pixel_mm)[None, :]
    return fy, fx


def _blur_transfer(side: int, pixel_mm: float, sigma_mm: float) -> Array:
    fy, fx = (
        np.exp(-2 * (np.pi * sigma_mm * f) ** 2) for f in _frequencies(side, pixel_mm)
    )
    return fy * fx


def blur(image: Array, sigma_mm: float, pixel_mm: float) -> Array:
    """Blurs with a Gaussian, the edges continued periodically.

    Args:
        image: `(side, side)`.
        sigma_mm: standard deviation, mm.
        pixel_mm: side of a pixel, mm.

    Returns:
        `(side, side)` float64.
    """
    side = len(image)
    transfer = _blur_transfer(side, pixel_mm, sigma_mm)
    return scipy.fft.irfft2(scipy.fft.rfft2(image) * transfer, s=(side, side))


# A patient's ROIs come one after another and share these, half of the work.
@functools.lru_cache(maxsize=4)
def _filters(kind: Tissue, side: int, pixel_mm: float) -> tuple[Array, Array]:
    """What shapes white noise into the texture and into the septa's smoother field."""
    fy, fx = _frequencies(side, pixel_mm)
    cos, sin = np.cos(kind.direction), np.sin(kind.direction)
    along, across = fx * cos + fy * sin, fy * cos - fx * sin
    square = (along * kind.stretch) ** 2 + across * across
    square[0, 0] = np.inf
    # Amplitude is the root of the power f^-beta.
    texture = square ** (-kind.beta / 4)
    return texture * _blur_transfer(side, pixel_mm, kind.blur_mm), square**-1.05


def _standardized(field: Array) -> Array:
    centred = field - field.mean()
    centred /= np.sqrt(np.mean(centred * centred))
    return centred


def draw_tissue(
    kind: Tissue, size: int, pixel_mm: float, rng: np.random.Generator
) -> Array:
    """Draws the tissue of a field, without grain.

    Args:
        kind: its kind.
        size: side, pixels.
        pixel_mm: side of a pixel, mm.
        rng: source of randomness.

    Returns:
        `(size, size)` float64 of mean 0 and standard deviation 1.
    """
    # Drawn on a wider torus and cut, so that opposite edges do not match and
    # gradients longer than the field occur.
    side = scipy.fft.next_fast_len(size + size // 3, real=True)
    texture, septa = _filters(kind, side, pixel_mm)
    white = scipy.fft.rfft2(rng.standard_normal((side, side)))
    field = scipy.fft.irfft2(white * texture, s=(side, side))
    field = _standardized(field[:size, :size])
    field = field + kind.skew * (field * field - 1)
    # The zero lines of a smoother field are a net of septa. The same white noise
    # serves, turned around, since no eye pairs a point with its mirror image.
    smooth = scipy.fft.irfft2(white * septa, s=(side, side))
    smooth = np.ascontiguousarray(smooth[::-1, ::-1].T[:size, :size])
    smooth = _standardized(smooth)
    strands = draw_strands(kind, size * pixel_mm, 0.75 * smooth + 0.25 * field, rng)
    net = kind.septa * (1 / (1 + (smooth * 9) ** 2))
    net *= 1.2 + 0.5 * smooth
    field += net
    field += strands
    return _standardized(field)


def draw_strands(
    kind: Tissue, field_mm: float, winding: Array, rng: np.random.Generator
) -> Array:
    """Draws ducts, vessels and ligaments: soft winding lines, whatever the label.

    Args:
        kind: how many, and their direction.
        field_mm: side of the field, mm.
        winding: a random field that bends them, `(size, size)`.
        rng: source of randomness.

    Returns:
        What they add, `(size, size)`, in the tissue's standard deviation.
    """
    size = len(winding)
    half = field_mm / 2
    axis = (np.arange(size) + 0.5) * (field_mm / size) - half
    total = np.zeros_like(winding)
    # In memory that is taken once: fresh memory costs more than what is computed.
    t, d, bend = (np.empty_like(winding) for _ in range(3))
    for _ in range(kind.strands):
        way = kind.direction + rng.normal(0, 0.5)
        offset = rng.uniform(-half, half)
        sag = rng.normal(0, 0.2) / half
        width = rng.uniform(0.2, 0.8)
        strength = rng.uniform(0.15, 0.6)
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
    """`1 / (1 + ((distance - centre) / width)^2)`, in the memory of `distance`."""
    distance -= centre
    distance /= width
    distance *= distance
    distance += 1
    return np.divide(1.0, distance, out=distance)


def draw_grain(size: int, rng: np.random.Generator) -> Array:
    """Draws film grain: nearly white, a little correlated between neighbours.

    Args:
        size: side, pixels.
        rng: source of randomness.

    Returns:
        `(size, size)` float64, mean 0, standard deviation 1.
    """
    white = rng.standard_normal((size + 1, size + 1))
    rows = white[1:] + 0.35 * white[:-1]
    both = rows[:, 1:] + 0.35 * rows[:, :-1]
    both /= 1.1225
    return both
