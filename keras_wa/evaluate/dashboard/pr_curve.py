"""Precision and recall at evenly spaced thresholds, for TensorBoard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

THRESHOLDS = 1001
"""Number of thresholds: 0, 0.001, ..., 1. TensorBoard's 201 are too few at the start of
training, when all probabilities are near 0.5."""


def precision_recall(
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    thresholds: int = THRESHOLDS,
) -> NDArray[np.float64]:
    """Computes precision and recall at evenly spaced thresholds.

    An ROI is positive if `p >= threshold`. TensorBoard's own function uses
    `floor(p * 1000)`, which may put a probability equal to a threshold on either side.

    Args:
        labels: shape `(n,)`, 0 or 1.
        probabilities: shape `(n,)`, in [0, 1].
        thresholds: number of thresholds from 0 to 1.

    Returns:
        Shape `(6, thresholds)`: true positives, false positives, true negatives, false
        negatives, precision and recall. If nothing is positive, precision is 0, and
        TensorBoard leaves out the point.
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
