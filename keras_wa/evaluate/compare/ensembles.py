"""The ensemble of each system's seeds, from their stored predictions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import norm

from keras_wa.evaluate.compare.run_results import RunResult
from keras_wa.metrics.bootstrap import cluster_bootstrap_auc
from keras_wa.metrics.delong import delong, t_p_value


def ensemble_of(
    runs: Sequence[RunResult], resamples: int, seed: int
) -> dict[str, Any] | None:
    """Evaluates the mean of the seeds' calibrated probabilities.

    Its threshold would need predictions of the validation part, which evaluations do
    not keep, so there is only the AUC.

    Args:
        runs: a system's results, one per seed.
        resamples, seed: of the bootstrap.

    Returns:
        `auc`, with its interval by patient, and `difference`, to the mean of the seeds'
        AUCs: `{value, low, high, p_value}` by DeLong's covariance, clustered by
        patient, for these trained seeds. None if there is one seed, or one without a
        temperature.
    """
    table = runs[0].predictions
    labels, patients = table["label"].to_numpy(int), table["patient_id"]
    calibrated = np.stack([each.predictions["calibrated"] for each in runs])
    if len(runs) < 2 or np.isnan(calibrated).any():
        return None
    mean = calibrated.mean(axis=0)
    estimate = cluster_bootstrap_auc(labels, mean, patients, resamples, seed)
    singles = [each.predictions["probability"] for each in runs]
    aucs, covariance = delong(labels, [mean, *singles], patients)
    contrast = np.r_[1.0, np.full(len(runs), -1 / len(runs))]
    value, variance = float(contrast @ aucs), float(contrast @ covariance @ contrast)
    half = norm.ppf(0.975) * math.sqrt(max(variance, 0.0))
    return {
        "auc": estimate.to_record(),
        "difference": {
            "value": value,
            "low": value - half,
            "high": value + half,
            "p_value": t_p_value(value, variance),
        },
    }
