"""Measures the coverage of prediction sets, on simulated patients.

    python -m benchmarks.prediction_sets

Patients and scores are those of `benchmarks.coverage`, with an AUC of 0.85 and half of
the variance shared by the ROIs of a patient. Each calibration set has the same number
of patients of each class. The coverage is that of an ROI of a new patient, computed
from the normal distribution of the scores, as a mean over the calibration sets, in
points above the guaranteed one.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm

from benchmarks.coverage import Scenario, simulate
from keras_wa.metrics import PredictionSets, fit_prediction_sets
from keras_wa.metrics.arguments import FloatArray, IntArray

PATIENTS = (20, 50, 200)
COVERAGES = (0.8, 0.9, 0.95)
AUC = 0.85


def balanced(
    patients: int, rng: np.random.Generator
) -> tuple[IntArray, FloatArray, IntArray]:
    """Draws ROIs of the same number of patients of each class."""
    scenario = Scenario(4 * patients + 100, 2.16, AUC, 0.5, malignant=0.5)
    labels, scores, groups = simulate(scenario, rng)
    kept = [np.unique(groups[labels == label])[:patients] for label in (0, 1)]
    rows = np.isin(groups, np.concatenate(kept))
    return labels[rows], expit(scores[rows]), groups[rows]


def coverage_of(sets: PredictionSets) -> list[float]:
    """Computes the coverage of each class, benign and malignant, of new ROIs."""
    up_to, lowest = logit([sets.benign_up_to, sets.malignant_from])
    return [norm.cdf(up_to), norm.sf(lowest, loc=math.sqrt(2) * norm.ppf(AUC))]


def excess(
    patients: int, coverage: float, simulations: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Returns coverage of each class above the guaranteed one, and standard errors."""
    rng = np.random.default_rng(seed)
    found = np.array(
        [
            coverage_of(fit_prediction_sets(*balanced(patients, rng), coverage))
            for _ in range(simulations)
        ]
    )
    return found.mean(axis=0) - coverage, found.std(axis=0) / math.sqrt(simulations)


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prediction_sets")
    parser.add_argument("--simulations", type=int, default=1000)
    args = parser.parse_args()
    print(f"{args.simulations} calibration sets each, points of coverage\n")
    print("| guaranteed | patients of each class | benign | malignant |")
    print("| --- | --- | --- | --- |")
    for coverage in COVERAGES:
        for seed, patients in enumerate(PATIENTS):
            mean, error = 100 * np.stack(
                excess(
                    coverage=coverage,
                    patients=patients,
                    seed=seed,
                    simulations=args.simulations,
                )
            )
            cells = [f"{m:+.2f} ± {e:.2f}" for m, e in zip(mean, error, strict=True)]
            print(f"| {coverage:.0%} | {patients} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
