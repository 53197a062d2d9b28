"""Small made-up sets of labels, probabilities and patients."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.stats import norm, t


def expanded(n_groups, confidence):
    """Quantiles of the expanded percentile interval, by Hesterberg's formula."""
    z = math.sqrt(n_groups / (n_groups - 1)) * t.ppf((1 + confidence) / 2, n_groups - 1)
    return norm.cdf([-z, z])


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


def predictions(n=60, n_patients=20, seed=0):
    """A table of predictions without case columns."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(2, size=n)
    probabilities = np.clip(0.3 * labels + 0.7 * rng.random(n), 0, 1)
    return pd.DataFrame(
        {
            "roi_id": [f"roi-{seed}-{i}" for i in range(n)],
            "patient_id": [f"{i:03d}" for i in rng.integers(n_patients, size=n)],
            "label": labels,
            "probability": probabilities.astype(np.float32),
        }
    )


def with_cases(table, seed=0):
    """The same with all case columns; descriptors tell something of the label."""
    rng = np.random.default_rng(seed)
    n = len(table)
    tell = (rng.random(n) < 0.8) == (table["label"] == 1)
    return table.assign(
        breast=rng.choice(["LEFT", "RIGHT"], n),
        view=rng.choice(["CC", "MLO"], n),
        lesion="1",
        density=pd.array(rng.integers(1, 5, n), dtype="Int64"),
        morphology=np.where(tell, "PLEOMORPHIC", "ROUND"),
        distribution=rng.choice(["CLUSTERED", "LINEAR", None], n),
        subtlety=pd.array(rng.integers(1, 6, n), dtype="Int64"),
        assessment=pd.array(np.where(tell, 5, 2), dtype="Int64"),
    )


def seeds_of(rng, labels, patients, n_seeds, gain=1.0, seed_sd=0.2):
    """Probabilities `(S, n)` of a system, with errors of its own and of each seed's."""
    shape = (n_seeds, len(labels))
    patient = rng.normal(0, 0.5, patients.max() + 1)[patients]
    skill = gain + rng.normal(0, seed_sd, (n_seeds, 1))
    logits = skill * (labels - 0.5) + patient + rng.normal(0, 0.8, shape)
    return 1 / (1 + np.exp(-logits))
