"""Bright particles in a field: how many, how large, how bright, how far apart."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import scipy.ndimage as ndi
from scipy.spatial import cKDTree

Array = np.ndarray

_BACKGROUND_MM = 1.6
_SMOOTH_MM = 0.06
_THRESHOLD = 5.0
_LEAST_AREA_MM2 = 0.01
# Standard deviation of what a 3x3 mean leaves of white noise of deviation 1.
_HIGH_PASS = np.sqrt(8 / 9)


@dataclasses.dataclass(frozen=True)
class Particles:
    """The particles of a field; arrays have one value a particle.

    Attributes:
        diameter: of a disc of the area above half of the peak, mm.
        contrast: peak over the surround's median, grey levels.
        contrast_to_noise: the same over the noise of a pixel.
        spacing: distance to the nearest other particle, mm; empty if there is one.
        noise: robust standard deviation of a pixel after a 3x3 high-pass, grey levels.
    """

    diameter: Array
    contrast: Array
    contrast_to_noise: Array
    spacing: Array
    noise: float


def find_particles(field: Array, pixel_mm: float) -> Particles:
    """Finds what is brighter than its surround of 1.6 mm by 5 robust deviations.

    Args:
        field: uint8 `(rows, columns)`.
        pixel_mm: side of a pixel.

    Returns:
        The particles of at least 0.01 mm².
    """
    grey = field.astype(np.float32)
    noise = max(_robust(grey - ndi.uniform_filter(grey, 3)) / _HIGH_PASS, 0.3)
    above, spots = _spots(field, pixel_mm)
    labels, _ = ndi.label(spots)
    found, places = [], []
    for number, box in enumerate(ndi.find_objects(labels), start=1):
        inside = labels[box] == number
        if inside.sum() * pixel_mm**2 < _LEAST_AREA_MM2:
            continue
        peak = above[box][inside].max()
        area = (inside & (above[box] > peak / 2)).sum() * pixel_mm**2
        found.append((2 * np.sqrt(area / np.pi), peak, peak / noise))
        corner = [side.start for side in box]
        places.append(np.add(ndi.center_of_mass(inside), corner) * pixel_mm)
    spacing: Array = np.zeros(0)
    if len(places) > 1:
        spacing = cKDTree(places).query(places, 2)[0][:, 1]
    table = np.array(found, dtype=float).reshape(-1, 3)
    return Particles(table[:, 0], table[:, 1], table[:, 2], spacing, float(noise))


def particle_mask(field: Array, pixel_mm: float) -> Array:
    """Returns the pixels that are brighter than the surround of `find_particles`."""
    return _spots(field, pixel_mm)[1]


def _spots(field: Array, pixel_mm: float) -> tuple[Array, Array]:
    """Returns the grey levels above the surround, and where they are bright."""
    surround = 2 * round(_BACKGROUND_MM / pixel_mm / 2) + 1
    above = field.astype(np.float32) - cv2.medianBlur(field, surround)
    smooth = ndi.gaussian_filter(above, _SMOOTH_MM / pixel_mm)
    return above, smooth > _THRESHOLD * max(_robust(smooth), 0.1)


def _robust(values: Array) -> float:
    """Standard deviation of a normal distribution with that median deviation."""
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


def summarize(fields: list[Array], pixel_mm: float) -> dict[str, Array]:
    """Measures the particles of many fields.

    Args:
        fields: uint8 `(rows, columns)` each.
        pixel_mm: side of a pixel.

    Returns:
        Name of the measure -> its values, of particles or of fields.
    """
    each = [find_particles(field, pixel_mm) for field in fields]
    seen = [one for one in each if len(one.contrast)]

    def pooled(name: str) -> Array:
        return np.concatenate([getattr(one, name) for one in each])

    return {
        "particles a field": np.array([float(len(one.contrast)) for one in each]),
        "diameter, mm": pooled("diameter"),
        "contrast, grey": pooled("contrast"),
        "contrast / noise": pooled("contrast_to_noise"),
        "brightest of a field, grey": np.array([o.contrast.max() for o in seen]),
        "brightest of a field / noise": np.array(
            [one.contrast_to_noise.max() for one in seen]
        ),
        "nearest other particle, mm": pooled("spacing"),
        "noise of a pixel, grey": np.array([one.noise for one in each]),
    }
