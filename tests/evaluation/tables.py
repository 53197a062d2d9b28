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


def clustered_rois(
    rng, n_patients, rois_each, shift=1.0, patient_sd=1.0, roi_sd=0.5, mixed=False
):
    """ROIs of patients with a random effect each, of one label or of both."""
    patient = np.repeat(np.arange(n_patients), rois_each)
    labels = np.arange(len(patient)) % 2 if mixed else patient % 2
    effect = rng.normal(0, patient_sd, n_patients)[patient]
    scores = shift * labels + effect + rng.normal(0, roi_sd, len(patient))
    return labels, scores, patient
