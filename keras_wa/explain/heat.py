"""The common scale of heat maps."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Heat = NDArray[np.float32]


def as_heat(maps: ArrayLike) -> Heat:
    """Scales maps of evidence to heat.

    Evidence against the class (below 0) is clipped, and each map is divided by its
    maximum. A map without evidence is zero.

    Args:
        maps: `(n, H, W)`, finite; higher is more evidence for the class.

    Returns:
        float32 `(n, H, W)` in [0, 1].
    """
    positive = np.maximum(np.asarray(maps, dtype=np.float32), 0)
    highest = positive.max(axis=(1, 2), keepdims=True)
    return np.divide(positive, highest, out=np.zeros_like(positive), where=highest > 0)
