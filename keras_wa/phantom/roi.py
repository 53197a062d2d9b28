"""Draws the pixels of phantom ROIs from their rows of the case table."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd

from keras_wa.cores import usable_cores
from keras_wa.errors import UserError
from keras_wa.phantom.calcifications import calcify, faintness
from keras_wa.phantom.curve import film_curve
from keras_wa.phantom.dust import draw_dust
from keras_wa.phantom.masks import mineral_mask, outline_of
from keras_wa.phantom.mineral import draw_mineral, scale_of
from keras_wa.phantom.noise import draw_noise
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

_ROI_ID = re.compile(r"PH(\d+)-(\d+)-(\d+)-(\d+)")
# First words of a seed sequence: a stream of its own for each kind of draw.
_PATIENT_STREAM, _ROI_STREAM = 1, 2
# Mean grey level of ROIs before the film's curve, its standard deviation between
# patients and between the ROIs of one.
_LEVEL, _LEVEL_OF_PATIENT, _LEVEL_OF_ROI = 133.0, 24.0, 32.0
_LEAST_LEVEL = 50.0
# Below this side, drawing is many short calls that hold the interpreter lock, and
# threads only get into each other's way (measured: 64 pixels 1.2 times slower with
# two threads, 224 pixels 1.6 times faster).
_THREADS_FROM = 128


def roi_id(spec: PhantomSpec, epoch: int, patient: int, index: int) -> str:
    """Names an ROI so that its pixels follow from the name.

    Args:
        spec: the set.
        epoch: of fresh ROIs, ≥ 0.
        patient: number of the patient in the epoch.
        index: number of the ROI in the epoch.

    Returns:
        For example `PH0-0-00012-000031`.
    """
    return f"PH{spec.seed}-{epoch}-{patient:05d}-{index:06d}"


def render_roi(spec: PhantomSpec, case_row: CaseRow, lesion: bool = True) -> Array:
    """Draws one ROI.

    The pixels depend on the spec and the row alone: any order, any subset and any
    number of threads or processes give the same bytes.

    Args:
        spec: the set.
        case_row: a row of `phantom_cases(spec, ...)`; read are `roi_id`, `morphology`,
            `distribution`, `density` and `subtlety`.
        lesion: whether to draw the calcifications; without them the same surround is
            left.

    Returns:
        uint8 `(size, size)`.

    Raises:
        UserError: if the row is of another set, or its type or distribution unknown.
    """
    drawn = _draw(spec, case_row)
    exposure = drawn.surround + drawn.mineral if lesion else drawn.surround
    return np.rint(film_curve(exposure)).astype(np.uint8)


def render_mask(spec: PhantomSpec, case_row: CaseRow, outline: bool = False) -> Array:
    """Marks where the calcifications of an ROI lie: the truth behind `render_roi`.

    Args:
        spec: the set.
        case_row: as `render_roi` takes it.
        outline: the region that a reader would draw around the lesion, see
            `outline_of`, instead of the pixels of the mineral, see `mineral_mask`.

    Returns:
        bool `(size, size)`, pixel by pixel that of `render_roi`.

    Raises:
        UserError: as `render_roi`.
    """
    mask = mineral_mask(_draw(spec, case_row).mineral)
    return outline_of(mask, spec.field_mm, spec.pixel_mm) if outline else mask


@dataclasses.dataclass(frozen=True)
class _Drawn:
    """What an ROI is made of; arrays `(size, size)`, grey levels before the curve."""

    surround: Array
    mineral: Array


def numbers_of(spec: PhantomSpec, case_row: CaseRow) -> tuple[int, int, int, int]:
    """Seed, epoch, patient and index in the name of an ROI.

    Raises:
        UserError: if the ROI is of another set.
    """
    match = _ROI_ID.fullmatch(str(case_row["roi_id"]))
    if match is None or int(match[1]) != spec.seed:
        raise UserError(
            f"The ROI is not of the phantom set with seed {spec.seed}. "
            f"Received: roi_id={case_row['roi_id']!r}; draw it with its own seed."
        )
    seed, epoch, patient, index = map(int, match.groups())
    return seed, epoch, patient, index


def draw_lesion(
    spec: PhantomSpec, case_row: CaseRow, blur_mm: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Draws the calcifications of an ROI.

    Args:
        spec: the set.
        case_row: read are `morphology`, `distribution` and `subtlety`.
        blur_mm: standard deviation of the blur of film and scanner, mm.
        rng: source of randomness.

    Returns:
        What they add to the surround, grey levels before the film's curve, and noise as
        `draw_noise` gives it, which made the mineral uneven; both `(size, size)`.

    Raises:
        UserError: if the type or distribution is unknown.
    """
    morphology, distribution = str(case_row["morphology"]), case_row["distribution"]
    distribution = "" if pd.isna(distribution) else str(distribution)
    lesion = calcify(morphology, distribution, spec.field_mm, rng)
    noise = draw_noise(spec.size, spec.pixel_mm, rng)
    mineral = draw_mineral(lesion, spec.pixel_mm, blur_mm, noise)
    subtlety = int(case_row["subtlety"])
    faint = faintness(morphology)
    contrast = scale_of(mineral, faint, subtlety, spec.conspicuity, rng)
    return contrast * mineral, noise


def _draw(spec: PhantomSpec, case_row: CaseRow) -> _Drawn:
    seed, epoch, patient, index = numbers_of(spec, case_row)
    # What a patient's ROIs share is drawn from the patient's number, the rest from the
    # ROI's.
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
    return _Drawn(surround, mineral)


def render_rois(
    spec: PhantomSpec,
    cases: pd.DataFrame,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Array:
    """Draws many ROIs, in threads where that pays.

    Threads, not processes: they need no fork (unsafe once TensorFlow runs) and no fresh
    interpreters, and were as fast at 224 pixels.

    Args:
        spec: the set.
        cases: rows of `phantom_cases(spec, ...)`, any subset in any order.
        workers: number of threads; by default 1 for small ROIs, else one a core, at
            most 8. The bytes do not depend on it.
        progress: called with (ROIs drawn, all) after each one, in the caller's thread.

    Returns:
        uint8 `(N, size, size)`, in the order of `cases`.

    Raises:
        UserError: as `render_roi`; or if `workers` is below 1.
    """
    if workers is None:
        workers = min(8, usable_cores()) if spec.size >= _THREADS_FROM else 1
    if workers < 1:
        raise UserError(f"At least 1 worker must draw. Received: workers={workers}")
    rows = cases.to_dict("records")
    images = np.empty((len(rows), spec.size, spec.size), dtype=np.uint8)

    def fill(index: int) -> None:
        images[index] = render_roi(spec, rows[index])

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
