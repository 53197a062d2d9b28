"""P-values when there are several: what is significant although many were looked at."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from keras_wa.evaluation.inputs import FloatArray, as_scores


def holm(p_values: ArrayLike) -> FloatArray:
    """Adjusts p-values for how many there are (Holm 1979), through statsmodels.

    Args:
        p_values: shape `(m,)`, in [0, 1].

    Returns:
        The adjusted p-values, float64 of shape `(m,)`, in the same order.

    Raises:
        ValueError: if they are not in [0, 1] or there are none.
    """
    # It takes a second to import, and only comparisons need it.
    from statsmodels.stats.multitest import multipletests

    p = as_scores(p_values)
    if p.min() < 0 or p.max() > 1:
        raise ValueError(f"p_values must lie in [0, 1]. Received: {p.tolist()}")
    return np.asarray(multipletests(p, method="holm")[1], np.float64)
