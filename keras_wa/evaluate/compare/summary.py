"""Computes estimates and paired differences from the runs of a comparison."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_wa.evaluate.compare.ensembles import ensemble_of
from keras_wa.evaluate.compare.run_results import (
    RunResult,
    pool_folds,
    require_one_split,
    stack,
)
from keras_wa.metrics.paired import holm, mean_over_seeds, paired_differences
from keras_wa.metrics.units import FEW_PATIENTS
from keras_wa.progress import track


def summarise(
    results: Mapping[str, Sequence[RunResult]],
    baseline: str,
    resamples: int = 2000,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, Any]:
    """Compares systems that were tested on the same ROIs.

    Args:
        results: system -> its runs, at least one: one per seed, or per seed and fold.
        baseline: the system that the others are compared with.
        resamples, seed: of the bootstrap.
        progress: whether to show a progress bar.

    Returns:
        A record ready for JSON: `split_hash, split_origin, n_rois, n_patients,
        prevalence, baseline, warnings, notes`, and `systems`, a list of `{name, seeds,
        metrics, differences, ensemble}`. Each metric is `{mean, sd, low, high,
        values}`; each difference, of all systems but the baseline, is `{value, low,
        high, p_value, p_holm}`; the ensemble is that of `ensemble_of`. The p-values of
        a metric are adjusted over the systems by Holm's method.
    """
    results = {name: pool_folds(runs) for name, runs in results.items()}
    runs = [run for each in results.values() for run in each]
    require_one_split(runs)
    table = runs[0].predictions
    labels, patients = table["label"].to_numpy(int), table["patient_id"]
    systems: list[dict[str, Any]] = []
    for name, own in track(results.items(), "Comparing", enabled=progress):
        probabilities, thresholds = stack(own)
        estimates = mean_over_seeds(
            labels, probabilities, thresholds, patients, resamples, seed
        )
        differences = {}
        if name != baseline:
            other, other_thresholds = stack(results[baseline])
            differences = paired_differences(
                labels,
                probabilities,
                other,
                patients,
                thresholds,
                other_thresholds,
                resamples,
                seed,
            )
        systems.append(
            {
                "name": name,
                "seeds": [run.config.seed for run in own],
                "metrics": _records(estimates),
                "differences": _records(differences),
                "ensemble": ensemble_of(own, resamples, seed),
            }
        )
    _adjust(systems)
    count = int(patients.nunique())
    return {
        "split_hash": runs[0].split_hash,
        "split_origin": runs[0].split_origin,
        # An ROI can be in the validation part of several folds.
        "n_rois": int(table["roi_id"].nunique()),
        "n_patients": count,
        "prevalence": float(labels.mean()),
        "baseline": baseline,
        "resamples": resamples,
        "warnings": _warnings(count, results),
        "notes": list(dict.fromkeys(note for run in runs for note in run.notes)),
        "systems": systems,
    }


def _records(estimates: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: dataclasses.asdict(each) for name, each in estimates.items()}


def _adjust(systems: list[dict[str, Any]]) -> None:
    """Adds `p_holm`, adjusted over all systems; NaN stays NaN and does not count."""
    others = [each["differences"] for each in systems if each["differences"]]
    for metric in others[0] if others else ():
        p_values = np.array([each[metric]["p_value"] for each in others])
        defined = ~np.isnan(p_values)
        if defined.any():
            p_values[defined] = holm(p_values[defined])
        for each, p_value in zip(others, p_values, strict=True):
            each[metric]["p_holm"] = float(p_value)


def _warnings(patients: int, results: Mapping[str, Sequence[RunResult]]) -> list[str]:
    found = []
    if patients < FEW_PATIENTS:
        found.append(
            f"Only {patients} patients were tested: the intervals are unreliable."
        )
    counts = {len(each) for each in results.values()}
    if len(counts) > 1:
        found.append("The systems have different numbers of seeds.")
    every = [(name, run.config) for name, runs in results.items() for run in runs]
    starts = {f"{name} from {own.weights}": own.weights for name, own in every}
    if len(set(starts.values())) > 1:
        found.append(
            f"The runs do not start from the same weights: {', '.join(starts)}."
        )
    sizes = sorted({config.image_size for _, config in every})
    if len(sizes) > 1 and every[0][1].dataset == "phantom":
        found.append(
            "The phantom draws other images of the same cases at another image size "
            f"(here {', '.join(map(str, sizes))} px): such systems share patients and "
            "labels, not pixels."
        )
    if max(counts) == 1:
        found.append(
            "One seed each: the intervals do not include the variation between seeds."
        )
    return found
