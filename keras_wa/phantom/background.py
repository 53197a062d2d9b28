"""Calcifications of the phantom in real tissue, as visible there as in the phantom."""

from __future__ import annotations

import numpy as np

from keras_wa.errors import UserError
from keras_wa.phantom.curve import brighten, film_exposure
from keras_wa.phantom.noise import NOISE_POWER, haar_noise
from keras_wa.phantom.roi import CaseRow, draw_lesion, numbers_of
from keras_wa.phantom.spec import PhantomSpec
from keras_wa.phantom.texture import Array, draw_tissue_kind

# First word of a seed sequence, beside those of `roi` and `cases`.
_LESION_STREAM = 6
# Variance that rounding to whole numbers adds.
_ROUNDING = 1 / 12
# What stands out by more standard deviations than this is no noise.
_CLIP = 3.0


def noise_ratio(tissue: Array, pixel_mm: float) -> float:
    """Compares the noise of an image with that of the phantom.

    It is measured in Haar's diagonal band HH, where texture is weakest, robustly: a
    coefficient counts as 3 standard deviations at most, estimated by the median
    absolute deviation. Grey levels are taken back through the film's curve, so that
    bright tissue counts as dark tissue does.

    Args:
        tissue: uint8 `(rows, columns)`, at the pixels of its file: a resized image has
            lost noise.
        pixel_mm: side of a pixel, mm.

    Returns:
        Standard deviation of the noise over that of the phantom's median patient in
        pixels of that size. What rounding to grey levels adds is taken off; no less
        than that is given.

    Raises:
        UserError: if a side is shorter than 2 pixels.
    """
    if tissue.ndim != 2 or min(tissue.shape) < 2:
        raise UserError(
            f"tissue: Received: shape={tissue.shape}; expected (rows, columns), 2 by 2 "
            "pixels at least, to measure the noise."
        )
    rows, columns = (2 * (length // 2) for length in tissue.shape)
    grey = tissue[:rows, :columns].astype(np.float64)
    exposure = film_exposure(grey)
    across = exposure[:, ::2] - exposure[:, 1::2]
    diagonal = (across[::2] - across[1::2]) / 2
    level = film_exposure(grey + 0.5) - film_exposure(grey - 0.5)
    rounding = _ROUNDING * np.mean(level**2)
    spread = 1.4826 * np.median(np.abs(diagonal))
    limit = _CLIP * max(spread, np.sqrt(rounding))
    power = np.mean(np.clip(diagonal, -limit, limit) ** 2) - rounding
    # Less noise than rounding makes cannot be measured.
    power = max(power, rounding) / haar_noise(pixel_mm) ** 2
    return float(np.sqrt(power / NOISE_POWER))


def insert_lesion(
    spec: PhantomSpec, case_row: CaseRow, background: Array, contrast: float = 1.0
) -> Array:
    """Inserts calcifications into real tissue.

    They are those of the phantom: mineral, blur and contrast by subtlety. Nothing else
    is added, so a pixel without mineral stays as it is. Bright tissue takes less, as
    film does (`brighten`).

    Args:
        spec: the set.
        case_row: a row of `phantom_cases(spec, ...)`; read are `roi_id`, `morphology`,
            `distribution`, `density` and `subtlety`.
        background: uint8 `(size, size)`, tissue of `spec.field_mm` without a lesion.
        contrast: factor on the contrast: the background's `noise_ratio` makes the
            lesion as visible as in the phantom.

    Returns:
        uint8 `(size, size)`. It follows from the arguments alone.

    Raises:
        UserError: if the background has another shape or type, the row is of another
            set, or its type or distribution is unknown.
    """
    if background.shape != (spec.size, spec.size) or background.dtype != np.uint8:
        raise UserError(
            f"background: Received: {background.dtype} of shape {background.shape}; "
            f"expected uint8 of shape ({spec.size}, {spec.size}), the size of the "
            "spec. Resize it."
        )
    rng = np.random.default_rng([_LESION_STREAM, *numbers_of(spec, case_row)])
    kind = draw_tissue_kind(int(case_row["density"]), rng, spec.blur_mm)
    mineral, _ = draw_lesion(spec, case_row, kind.blur_mm, rng)
    grey = brighten(background.astype(np.float64), contrast * mineral)
    return np.rint(grey).astype(np.uint8)
