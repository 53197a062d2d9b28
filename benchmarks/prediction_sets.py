"""Measures the coverage of prediction sets, on simulated patients.

    python -m benchmarks.prediction_sets

Patients and scores are those of `benchmarks.coverage`, with an AUC of 0.85 and half of
the variance shared by the ROIs of a patient. Each calibration set has the same number
of patients of each class. The coverage is that of one ROI of each of 20,000 new
patients, as a mean over the calibration sets, in points above the guaranteed one.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.special import expit

from benchmarks.coverage import Scenario, simulate
from keras_wa.metrics import fit_prediction_sets
from keras_wa.metrics.arguments import FloatArray, IntArray

PATIENTS = (20, 50, 200)
COVERAGES = (0.8, 0.9, 0.95)


def draw(
    patients: int, rng: np.random.Generator
) -> tuple[IntArray, FloatArray, IntArray]:
    """Draws labels, probabilities and patients, half of them malignant."""
    scenario = Scenario(patients, 2.16, 0.85, 0.5, malignant=0.5)
    labels, scores, groups = simulate(scenario, rng)
    return labels, expit(scores), groups


def balanced(
    patients: int, rng: np.random.Generator
) -> tuple[IntArray, FloatArray, IntArray]:
    """Draws ROIs of the same number of patients of each class."""
    labels, p, groups = draw(4 * patients + 100, rng)
    kept = [np.unique(groups[labels == label])[:patients] for label in (0, 1)]
    rows = np.isin(groups, np.concatenate(kept))
    return labels[rows], p[rows], groups[rows]


def excess(
    patients: int, coverage: float, simulations: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Returns coverage of each class above the guaranteed one, and standard errors."""
    rng = np.random.default_rng(seed)
    labels, p, groups = draw(20_000, rng)
    _, first = np.unique(groups, return_index=True)
    labels, p = labels[first], p[first]
    found = np.empty((simulations, 2))
    for i in range(simulations):
        contained = fit_prediction_sets(*balanced(patients, rng), coverage).contain(p)
        found[i] = [contained[labels == k, k].mean() - coverage for k in (0, 1)]
    return found.mean(axis=0), found.std(axis=0) / np.sqrt(simulations)


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
            cells = [f"{m:+.1f} ± {e:.1f}" for m, e in zip(mean, error, strict=True)]
            print(f"| {coverage:.0%} | {patients} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
