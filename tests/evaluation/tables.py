"""Small made-up sets of labels, probabilities and patients."""

from __future__ import annotations

import numpy as np


def small_set(seed, levels=None):
    rng = np.random.default_rng(seed)
    patients = rng.integers(12, size=40)
    labels = rng.integers(2, size=40)
    probabilities = rng.random(40)
    if levels:
        probabilities = np.floor(probabilities * levels) / levels
    return labels, probabilities, patients
