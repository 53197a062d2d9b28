"""Measures the coverage of the AUC's 95 % intervals, on simulated patients.

    python -m benchmarks.coverage

Each patient has one label and ROIs (one, and a Poisson number more) that share an
effect of the patient, as ROIs of one lesion in two views do. Scores are normal, and no
pair of ROIs of one patient is compared, so the true AUC is known: that of two normal
variables. Compared are the expanded percentile bootstrap and DeLong's interval, each by
patient, and what comes of taking the ROIs as independent. 92 to 97 % are aimed at.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from keras_wa.metrics import auc
from keras_wa.metrics.arguments import FloatArray, IntArray
from keras_wa.metrics.bootstrap import cluster_bootstrap_auc


@dataclass(frozen=True)
class Scenario:
    """Parameters of a simulation.

    Attributes:
        patients: number of patients.
        rois: mean number of ROIs per patient, at least 1.
        auc: true AUC.
        shared: share of the variance that ROIs of a patient have in common.
        malignant: share of malignant patients.
    """

    patients: int
    rois: float
    auc: float
    shared: float
    malignant: float = 0.4


SCENARIOS = (
    # The official CBIS-DDSM calcification test part: 326 ROIs of 151 patients.
    Scenario(151, 2.16, 0.75, 0.5),
    Scenario(151, 2.16, 0.75, 0.9),
    Scenario(151, 2.16, 0.90, 0.5),
    Scenario(60, 3.0, 0.75, 0.5),
    Scenario(60, 3.0, 0.90, 0.5),
    Scenario(30, 3.0, 0.75, 0.5),
)

METHODS = ("bootstrap by patient", "DeLong by patient", "DeLong by ROI")


def simulate(
    scenario: Scenario, rng: np.random.Generator
) -> tuple[IntArray, FloatArray, IntArray]:
    """Draws labels, scores and patients, each of shape `(n,)`."""
    labels_of = (rng.random(scenario.patients) < scenario.malignant).astype(np.int64)
    # Always both classes, since the AUC needs both.
    labels_of[:2] = 0, 1
    sizes = 1 + rng.poisson(scenario.rois - 1, scenario.patients)
    patients = np.repeat(np.arange(scenario.patients), sizes)
    labels = labels_of[patients]
    shared = rng.normal(0, math.sqrt(scenario.shared), scenario.patients)[patients]
    own = rng.normal(0, math.sqrt(1 - scenario.shared), len(patients))
    shift = math.sqrt(2) * norm.ppf(scenario.auc)
    return labels, shift * labels + shared + own, patients


def coverage(
    scenario: Scenario, n_simulations: int, n_resamples: int, seed: int
) -> dict[str, float]:
    """Computes the share of simulations whose interval contains the true AUC.

    Args:
        scenario: parameters of the simulation.
        n_simulations: number of simulations.
        n_resamples: number of resamples of each bootstrap.
        seed: seed of the simulation.

    Returns:
        Method -> share. A simulation without an interval counts as not covered.
    """
    rng = np.random.default_rng(seed)
    held = dict.fromkeys(METHODS, 0)
    for i in range(n_simulations):
        labels, scores, patients = simulate(scenario, rng)
        intervals = (
            cluster_bootstrap_auc(labels, scores, patients, n_resamples, seed=i),
            auc(labels, scores, patients),
            auc(labels, scores),
        )
        for method, interval in zip(METHODS, intervals, strict=True):
            held[method] += interval.low <= scenario.auc <= interval.high
    return {method: count / n_simulations for method, count in held.items()}


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage")
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=1000)
    args = parser.parse_args()
    error = math.sqrt(0.95 * 0.05 / args.simulations)
    print(
        f"{args.simulations} simulations each (standard error {error:.1%}), "
        f"{args.resamples} resamples\n"
    )
    head = ("patients", "ROIs", "shared variance", "true AUC", *METHODS)
    print(f"| {' | '.join(head)} |")
    print(f"|{' --- |' * len(head)}")
    for seed, each in enumerate(SCENARIOS):
        found = coverage(each, args.simulations, args.resamples, seed)
        cells = [
            f"{each.patients}",
            f"{each.patients * each.rois:.0f}",
            f"{each.shared:.0%}",
            f"{each.auc:.2f}",
            *(f"{found[method]:.1%}" for method in METHODS),
        ]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
