"""Precision and recall at the thresholds that TensorBoard draws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

THRESHOLDS = 1001
"""0, 0.001, ..., 1. TensorBoard's own 201 are too few for a network whose probabilities
are all near one half, as they are at first."""


def precision_recall(
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    thresholds: int = THRESHOLDS,
) -> NDArray[np.float64]:
    """Counts what is right and wrong at evenly spaced thresholds.

    TensorBoard's own function does so by `floor(p * 1000)`, whose rounding puts a
    probability that lies on a threshold on either side of it; here `p >= threshold` is
    positive.

    Args:
        labels: `(n,)`, 0 or 1.
        probabilities: `(n,)` in [0, 1].
        thresholds: how many, from 0 to 1.

    Returns:
        `(6, thresholds)`: true positives, false positives, true negatives, false
        negatives, precision and recall. Where nothing is positive precision is 0, and
        TensorBoard leaves the point out.
    """
    at = np.linspace(0.0, 1.0, thresholds)

    def reaching(values: NDArray[np.float64]) -> NDArray[np.float64]:
        below = np.searchsorted(np.sort(values), at, side="left")
        return (len(values) - below).astype(np.float64)

    tp, fp = (reaching(probabilities[labels == each]) for each in (1, 0))
    fn, tn = (labels == 1).sum() - tp, (labels == 0).sum() - fp
    precision = tp / np.maximum(tp + fp, 1)
    recall = tp / np.maximum(tp + fn, 1)
    return np.stack([tp, fp, tn, fn, precision, recall])
