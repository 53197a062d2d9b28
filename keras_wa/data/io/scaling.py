"""Scales pixel values of any depth to 8-bit grey."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LEVELS = 2**16


def scale_to_uint8(values: NDArray, low: float, high: float) -> NDArray[np.uint8]:
    """Maps `[low, high]` onto 0..255, rounded to the nearest level; clips other values.

    Take the range of the file's format, not of the image: a dark image stays dark.

    Raises:
        ValueError: `high` is not above `low`.
    """
    if not high > low:
        raise ValueError(f"high must be above low. Received: low={low}, high={high}")
    # Either byte order: TIFF and DICOM have both.
    sixteen = values.dtype.kind == "u" and values.dtype.itemsize == 2
    if sixteen and values.size > _LEVELS:
        # Each level once: a mammogram in float64 would take four times its memory.
        return scale_to_uint8(np.arange(_LEVELS), low, high)[values]
    unit = (values.astype(np.float64) - low) / (high - low)
    return np.floor(np.clip(unit, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
