"""Draws a whole film mammogram without lesions, fast.

Structure coarser than half a millimetre is drawn on a coarse grid and enlarged. Finer
structure and noise are cut at random offsets from a tile that all films share.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import scipy.fft
import scipy.ndimage
import scipy.sparse

from keras_wa.phantom.breast_outline import Breast
from keras_wa.phantom.curve import film_curve
from keras_wa.phantom.noise import draw_noise
from keras_wa.phantom.texture import (
    Array,
    Tissue,
    draw_strands,
    draw_tissue,
)

WHITE = 65535
"""The brightest stored value."""

_TILE = 1024
_TILE_STREAM = 5
# Standard deviation of the fine texture, of the full range, if its spectrum reached up
# to the film's width.
_FINE = 0.09
# Middle of the range of `draw_tissue_kind`, since all films share the tile.
_BLUR_MM = 0.05
# Rows computed at once: they fit in the processor's cache.
_STRIP = 128


def draw_mammogram(
    breast: Breast, kind: Tissue, density: int, rng: np.random.Generator
) -> Array:
    """Draws a film, uint16; the air around the breast is 0."""
    # A random offset into the tile for each film, and one of its four mirror images.
    row, column = rng.integers(0, _TILE, 2)
    flip = rng.choice([1, -1], 2)
    base = _coarse(breast, kind, density, rng)
    texture, noise = _tiles(breast.pixel_mm, breast.coarse_mm)
    film_mm = max(breast.shape) * breast.pixel_mm
    # The share of the power-law texture with beta = 3 that is finer than the grid.
    share = np.sqrt(2 * breast.coarse_mm / film_mm)
    tile = np.float32(_FINE * share) * texture
    tile += np.float32(np.sqrt(kind.noise) / 255) * noise
    tile = np.roll(tile, (row, column), (0, 1))[:: flip[0], :: flip[1]]
    return _enlarge(base, breast, tile)


def _coarse(
    breast: Breast, kind: Tissue, density: int, rng: np.random.Generator
) -> Array:
    """Returns brightness on the coarse grid, 0 to 1; well below 0 in the air."""
    h, w = breast.skin_mm.shape
    film_mm = max(h, w) * breast.coarse_mm
    # The bent square has columns that run towards the nipple.
    fan = dataclasses.replace(kind, strands=0, septa=0.5 * kind.septa, shading=0)
    fan = dataclasses.replace(fan, direction=0.0, stretch=1.7)
    tissue = draw_tissue(fan, max(h, w), breast.coarse_mm, rng)
    tissue += 0.7 * _lines(kind, len(tissue), breast.coarse_mm, rng)
    tissue = _radial(tissue, breast)
    amount = (-0.9, -0.25, 0.5, 1.2)[density - 1] + rng.normal(0, 0.15)
    skin_mm = breast.skin_mm * (138 / film_mm)
    # Under the skin lies fat.
    fat = 1 / (1 + np.exp((skin_mm - 7) / 1.8))
    likely = 1.2 * tissue + 1.1 * breast.gland + amount - 3.2 * fat
    gland = 1 / (1 + np.exp(-1.7 * likely))
    fatty, dense = rng.uniform(0.24, 0.30), rng.uniform(0.30, 0.42)
    inner = fatty + dense * gland + 0.05 * tissue * (1 - 0.75 * fat)
    muscle = rng.uniform(0.58, 0.70) + 0.03 * tissue
    inner = inner * (1 - 0.7 * breast.muscle) + 0.7 * muscle * breast.muscle
    # The compressed breast has constant thickness and a round edge.
    edge = np.clip(skin_mm / 22, 0, 1)
    thickness = 1 - (1 - edge) ** 2.5
    skin = 0.035 * np.exp(-(((skin_mm - 1.1) / 0.7) ** 2))
    brightness = inner * (0.05 + 0.95 * thickness) + skin
    # In the air it falls off steeply, so that noise stays below 0.
    brightness = np.where(skin_mm > 0, brightness, 0.012 + 0.1 * skin_mm)
    return np.clip(brightness, -0.2, 0.95).astype(np.float32)


def _radial(tissue: Array, breast: Breast) -> Array:
    """Bends a square texture so that its columns run towards the nipple."""
    h, w = breast.skin_mm.shape
    row, column = breast.nipple
    down, away = np.arange(h)[:, None] - row, column - np.arange(w)[None, :]
    # The ducts' fan begins outside the breast, not at a point in the nipple.
    away = away + 0.35 * w
    side = len(tissue)
    place = np.arctan2(down, away) * (0.5 * side) + 0.5 * side, np.hypot(down, away)
    return scipy.ndimage.map_coordinates(tissue, place, order=1, mode="mirror")


def _lines(kind: Tissue, side: int, pixel_mm: float, rng: np.random.Generator) -> Array:
    """Strands, and ligaments between fatty lobules; mostly along the rows.

    They are soft, so that half the resolution suffices.
    """
    half, half_mm = -(-side // 2), 2 * pixel_mm
    noise = rng.standard_normal((half, half)).astype(np.float32)
    broad, narrow = (
        scipy.ndimage.gaussian_filter(
            noise, (sigma / half_mm, 2.2 * sigma / half_mm), mode="wrap", truncate=2.5
        )
        for sigma in (1.8, 0.7)
    )
    broad, narrow = broad / broad.std(), narrow / narrow.std()
    net = 1 / (1 + ((broad + 0.4 * narrow) * 9) ** 2)
    # Some ligaments are visible, some not.
    net *= kind.septa * np.clip(0.5 + 0.7 * broad[::-1, ::-1], 0, 1.5)
    field_mm = half * half_mm
    # `Tissue.strands` is the number in a field of 25.6 mm.
    count = round(kind.strands * max(1.0, field_mm / 25.6))
    strands = dataclasses.replace(kind, strands=count, direction=0.0)
    lines = net + draw_strands(strands, field_mm, broad[::-1], rng)
    enlarge = _spline(side, half, 2)
    return np.asarray((enlarge @ (enlarge @ lines).T).T)


def _enlarge(base: Array, breast: Breast, tile: Array) -> Array:
    """Adds the tile to the coarse brightness; returns stored values of the film."""
    if breast.mirrored:
        base = base[:, ::-1]
    rows, columns = breast.shape
    across = _spline(columns, base.shape[1], breast.factor)
    down = _spline(rows, base.shape[0], breast.factor)
    wide = np.ascontiguousarray((across @ base.T).T)
    fine = np.tile(tile, (1, -(-columns // _TILE)))[:, :columns]
    film = np.empty(breast.shape, np.uint16)
    for top in range(0, rows, _STRIP):
        strip = down[top : top + _STRIP] @ wide
        at = top % _TILE
        strip += fine[at : at + len(strip)]
        strip *= np.float32(255)
        film[top : top + len(strip)] = film_curve(strip) * np.float32(WHITE / 255)
    return film


@functools.lru_cache(maxsize=8)
def _spline(size: int, coarse: int, factor: int) -> scipy.sparse.csr_matrix:
    """Returns cubic B-spline interpolation from `coarse` points to `size`, a matrix."""
    place = (np.arange(size) + 0.5) / factor - 0.5
    first = np.floor(place).astype(int)
    t = place - first
    weights = np.stack(
        [
            (1 - t) ** 3,
            3 * t**3 - 6 * t**2 + 4,
            -3 * t**3 + 3 * t**2 + 3 * t + 1,
            t**3,
        ]
    )
    points = np.clip(first + np.arange(-1, 3)[:, None], 0, coarse - 1)
    rows = np.broadcast_to(np.arange(size), points.shape)
    values = (weights / 6).astype(np.float32).ravel()
    return scipy.sparse.csr_matrix(
        (values, (rows.ravel(), points.ravel())), shape=(size, coarse)
    )


@functools.lru_cache(maxsize=2)
def _tiles(pixel_mm: float, coarse_mm: float) -> tuple[Array, Array]:
    """Returns the fine texture and the noise that all films share.

    The texture is periodic, of mean 0 and standard deviation 1.
    """
    rng = np.random.default_rng(_TILE_STREAM)
    white = scipy.fft.rfft2(rng.standard_normal((_TILE, _TILE)))
    fy = scipy.fft.fftfreq(_TILE, pixel_mm)[:, None]
    fx = scipy.fft.rfftfreq(_TILE, pixel_mm)[None, :]
    square = fy * fy + fx * fx
    square[0, 0] = np.inf
    # Above the Nyquist frequency of the coarse grid.
    fine = 1 - np.exp(-square * (2 * coarse_mm) ** 2)
    blurred = np.exp(-2 * (np.pi * _BLUR_MM) ** 2 * square)
    texture = scipy.fft.irfft2(white * square**-0.75 * fine * blurred)
    noise = draw_noise(_TILE, pixel_mm, rng)
    texture = (texture - texture.mean()) / texture.std()
    return texture.astype(np.float32), noise.astype(np.float32)
