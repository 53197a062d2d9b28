"""Renders phantom ROIs from rows of the case table."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import scipy.ndimage

from keras_wa.cores import usable_cores
from keras_wa.errors import UserError
from keras_wa.phantom.calcifications import calcify, faintness
from keras_wa.phantom.curve import film_curve
from keras_wa.phantom.dust import draw_dust
from keras_wa.phantom.lesions import mask_margin_mm
from keras_wa.phantom.mineral import draw_mineral, scale_of
from keras_wa.phantom.noise import draw_noise
from keras_wa.phantom.particles import Particles
from keras_wa.phantom.spec import PhantomSpec
from keras_wa.phantom.texture import (
    Array,
    deviation,
    draw_tissue,
    draw_tissue_kind,
    for_roi,
)

CaseRow = Mapping[Any, Any] | pd.Series
"""A row of `phantom_cases`."""

MINERAL_FRACTION = 0.25
"""Threshold of a calcification's pixels, as a fraction of the ROI's highest contrast.
One half would miss small calcifications beside large ones; much less would include the
blur of the film."""

_ROI_ID = re.compile(r"PH(\d+)-(\d+)-(\d+)-(\d+)")
# First words of a seed sequence, one stream for each kind of draw.
_PATIENT_STREAM, _ROI_STREAM, _LESION_STREAM = 1, 2, 7
# Mean grey level of ROIs before the film's curve, and its standard deviations between
# patients and within a patient.
_LEVEL, _LEVEL_OF_PATIENT, _LEVEL_OF_ROI = 133.0, 24.0, 32.0
_LEAST_LEVEL = 50.0
# Below this side many short calls hold the interpreter lock, and threads are slower
# (measured with two threads: 64 pixels 1.2 times slower, 224 pixels 1.6 times faster).
_THREADS_FROM = 128


def roi_id(spec: PhantomSpec, epoch: int, patient: int, index: int) -> str:
    """Returns the name of an ROI, which determines its pixels: `PH0-0-00012-000031`."""
    return f"PH{spec.seed}-{epoch}-{patient:05d}-{index:06d}"


def render_roi(spec: PhantomSpec, case_row: CaseRow, lesion: bool = True) -> Array:
    """Renders one ROI.

    The pixels depend only on the spec and the row, not on order, threads or processes.

    Args:
        spec: the phantom set.
        case_row: a row of `phantom_cases(spec, ...)`; `roi_id`, `morphology`,
            `distribution`, `density` and `subtlety` are used, and with
            `projected_views` also `breast`, `lesion` and `view`.
        lesion: whether to add the calcifications to the tissue.

    Returns:
        Grey levels, uint8 `(size, size)`.

    Raises:
        UserError: the row is from another set, or its type or distribution is unknown.

    Example:
        >>> from keras_wa.phantom import PhantomSpec, phantom_cases, render_roi
        >>> spec = PhantomSpec(size=96)
        >>> row = phantom_cases(spec, n=2).iloc[0]
        >>> roi, tissue = render_roi(spec, row), render_roi(spec, row, lesion=False)
        >>> roi.shape, bool((roi >= tissue).all())
        ((96, 96), True)
    """
    surround, mineral = _draw(spec, case_row)
    exposure = surround + mineral if lesion else surround
    return np.rint(film_curve(exposure)).astype(np.uint8)


def render_mask(spec: PhantomSpec, case_row: CaseRow, outline: bool = False) -> Array:
    """Renders the mask of the calcifications of an ROI.

    Args:
        spec: the phantom set.
        case_row: a row of `phantom_cases(spec, ...)`.
        outline: whether to give the region that a reader would outline instead of the
            pixels of the calcifications.

    Returns:
        bool `(size, size)`, aligned with `render_roi`.

    Raises:
        UserError: the row is from another set, or its type or distribution is unknown.

    Example:
        >>> from keras_wa.phantom import PhantomSpec, phantom_cases, render_mask
        >>> spec = PhantomSpec(size=96)
        >>> row = phantom_cases(spec, n=2).iloc[0]
        >>> mask = render_mask(spec, row)
        >>> outline = render_mask(spec, row, outline=True)
        >>> bool(0 < mask.sum() < outline.sum())
        True
    """
    mask = mineral_mask(_draw(spec, case_row)[1])
    return outline_of(mask, spec.field_mm, spec.pixel_mm) if outline else mask


def mineral_mask(mineral: Array) -> Array:
    """Returns the pixels of calcifications from their brightness in any unit."""
    # Rounding of the blur leaves about 1e-17 where nothing was drawn.
    return mineral > MINERAL_FRACTION * max(mineral.max(), 1e-6)


def outline_of(mineral: Array, field_mm: float, pixel_mm: float) -> Array:
    """Returns the region that a reader would draw around calcifications.

    The masks of CBIS-DDSM are outlines of clusters. Here the calcifications are dilated
    by twice the margin of the phantom's films (`mask_margin_mm`: 1 mm in a field of
    25.6 mm), then eroded by one margin; holes are filled. Small calcifications less
    than about 3.5 margins apart (twice the root of 3) share a region.
    """
    if not mineral.any():
        return mineral
    margin = mask_margin_mm(field_mm) / pixel_mm
    distance = scipy.ndimage.distance_transform_edt
    # Padded, so that the field's edge does not affect the region.
    room = math.ceil(2 * margin) + 1
    wide = distance(~np.pad(mineral, room)) <= 2 * margin
    region = scipy.ndimage.binary_fill_holes(distance(wide) > margin)
    return np.asarray(region[room:-room, room:-room])


def numbers_of(spec: PhantomSpec, case_row: CaseRow) -> tuple[int, int, int, int]:
    """Returns seed, epoch, patient and index from the name of an ROI.

    Raises:
        UserError: the ROI is from another set.
    """
    match = _ROI_ID.fullmatch(str(case_row["roi_id"]))
    if match is None or int(match[1]) != spec.seed:
        raise UserError(
            f"The ROI is not of the phantom set with seed {spec.seed}. "
            f"Received: roi_id={case_row['roi_id']!r}; draw it with its own seed."
        )
    seed, epoch, patient, index = map(int, match.groups())
    return seed, epoch, patient, index


def draw_particles(
    spec: PhantomSpec, case_row: CaseRow, rng: np.random.Generator
) -> Particles:
    """Draws the calcifications of an ROI.

    With `spec.projected_views` they are those of the row's lesion, seen from its view,
    and do not depend on `rng`.
    """
    morphology, distribution = str(case_row["morphology"]), case_row["distribution"]
    distribution = "" if pd.isna(distribution) else str(distribution)
    view = None
    if spec.projected_views:
        seed, epoch, patient, _ = numbers_of(spec, case_row)
        right, number = case_row["breast"] == "RIGHT", int(case_row["lesion"])
        rng = np.random.default_rng(
            [_LESION_STREAM, seed, epoch, patient, right, number]
        )
        view = str(case_row["view"])
    return calcify(morphology, distribution, spec.field_mm, rng, view)


def draw_lesion(
    spec: PhantomSpec, case_row: CaseRow, blur_mm: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Draws the calcifications of an ROI, and the noise that textures them.

    Both are grey levels before the film's curve, `(size, size)`.

    Raises:
        UserError: the type or distribution is unknown.
    """
    lesion = draw_particles(spec, case_row, rng)
    noise = draw_noise(spec.size, spec.pixel_mm, rng)
    mineral = draw_mineral(lesion, spec.pixel_mm, blur_mm, noise)
    subtlety = int(case_row["subtlety"])
    faint = faintness(str(case_row["morphology"]))
    contrast = scale_of(mineral, faint, subtlety, spec.conspicuity, rng)
    return contrast * mineral, noise


def _draw(spec: PhantomSpec, case_row: CaseRow) -> tuple[Array, Array]:
    """Returns tissue and calcifications, grey levels before the film's curve."""
    seed, epoch, patient, index = numbers_of(spec, case_row)
    # The patient's number seeds what its ROIs share, the ROI's number the rest.
    of_patient = np.random.default_rng([_PATIENT_STREAM, seed, epoch, patient])
    rng = np.random.default_rng([_ROI_STREAM, seed, epoch, index])
    size, pixel_mm = spec.size, spec.pixel_mm
    patient_kind = draw_tissue_kind(int(case_row["density"]), of_patient, spec.blur_mm)
    level = _LEVEL + of_patient.normal(0, _LEVEL_OF_PATIENT)
    kind = for_roi(patient_kind, rng)
    level += rng.normal(0, _LEVEL_OF_ROI)

    tissue = deviation(kind, spec.field_mm) * draw_tissue(kind, size, pixel_mm, rng)
    mineral, noise = draw_lesion(spec, case_row, kind.blur_mm, rng)
    surround = max(level, _LEAST_LEVEL) + tissue + np.sqrt(kind.noise) * noise
    for place, speck in draw_dust((size, size), pixel_mm, rng):
        surround[place] += speck
    return surround, mineral


def render_rois(
    spec: PhantomSpec,
    cases: pd.DataFrame,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Array:
    """Renders many ROIs, in threads.

    Args:
        spec: the phantom set.
        cases: rows of `phantom_cases(spec, ...)`, any subset in any order.
        workers: number of threads, at least 1; by default 1 for small ROIs, else one
            per core, at most 8. The result does not depend on it.
        progress: called with (ROIs done, all) after each ROI, in the caller's thread.

    Returns:
        Grey levels, uint8 `(n, size, size)`, in the order of `cases`.

    Raises:
        UserError: a row is from another set, its type or distribution is unknown, or
            `workers` is below 1.

    Example:
        >>> from keras_wa.phantom import PhantomSpec, phantom_cases, render_rois
        >>> spec = PhantomSpec(size=96)
        >>> render_rois(spec, phantom_cases(spec, n=4)).shape
        (4, 96, 96)
    """
    if workers is None:
        workers = min(8, usable_cores()) if spec.size >= _THREADS_FROM else 1
    if workers < 1:
        raise UserError(f"At least 1 worker must draw. Received: workers={workers}")
    rows = cases.to_dict("records")
    images = np.empty((len(rows), spec.size, spec.size), dtype=np.uint8)

    def fill(index: int) -> None:
        images[index] = render_roi(spec, rows[index])

    # Not processes: a fork is unsafe once TensorFlow runs, new interpreters are slow.
    with ThreadPoolExecutor(workers) as pool:
        drawn = (
            pool.map(fill, range(len(rows)))
            if workers > 1
            else map(fill, range(len(rows)))
        )
        for done, _ in enumerate(drawn, start=1):
            if progress is not None:
                progress(done, len(rows))
    return images
