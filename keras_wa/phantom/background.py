"""Inserts calcifications of the phantom into real tissue."""

from __future__ import annotations

import numpy as np

from keras_wa.errors import UserError
from keras_wa.phantom.curve import brighten, film_exposure
from keras_wa.phantom.noise import NOISE_POWER, haar_noise
from keras_wa.phantom.roi import CaseRow, draw_lesion, numbers_of
from keras_wa.phantom.spec import PhantomSpec
from keras_wa.phantom.texture import Array, draw_tissue_kind

# First word of a seed sequence, unlike those of `roi` and `cases`.
_LESION_STREAM = 6
# Variance of rounding to integers.
_ROUNDING = 1 / 12
# Larger coefficients, in standard deviations, are not noise.
_CLIP = 3.0


def noise_ratio(tissue: Array, pixel_mm: float) -> float:
    """Compares the noise of an image with that of the phantom.

    Noise is measured in Haar's diagonal band HH, where texture is weakest, with
    coefficients clipped to 3 standard deviations (from the median absolute deviation).
    The film's curve is inverted first, so that bright and dark tissue are comparable.

    Args:
        tissue: uint8 `(rows, columns)`, not resized, which would remove noise.
        pixel_mm: side of a pixel, mm.

    Returns:
        Standard deviation of the noise, without that of rounding to grey levels,
        divided by that of the phantom's median patient at this pixel size. At least the
        ratio of rounding.

    Raises:
        UserError: a side is shorter than 2 pixels.
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
    # Noise below that of rounding cannot be measured.
    power = max(power, rounding) / haar_noise(pixel_mm) ** 2
    return float(np.sqrt(power / NOISE_POWER))


def insert_lesion(
    spec: PhantomSpec, case_row: CaseRow, background: Array, contrast: float = 1.0
) -> Array:
    """Inserts calcifications into real tissue.

    Shapes, blur and contrast by subtlety are those of the phantom. Pixels without
    calcification do not change. Bright tissue brightens less, as on film (`brighten`).

    Args:
        spec: the set.
        case_row: a row of `phantom_cases(spec, ...)`; `roi_id`, `morphology`,
            `distribution`, `density` and `subtlety` are used.
        background: uint8 `(size, size)`, tissue of `spec.field_mm` without a lesion.
        contrast: factor on the contrast; the background's `noise_ratio` makes the
            lesion as visible as in the phantom.

    Returns:
        uint8 `(size, size)`, a function of the arguments.

    Raises:
        UserError: the background has another shape or type, the row is of another
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
