"""What an evaluation leaves behind: metrics.json, predictions.csv, a text table."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from keras_wa.evaluation.bootstrap import cluster_bootstrap
from keras_wa.evaluation.inputs import as_labels, as_probabilities
from keras_wa.evaluation.metrics import METRIC_NAMES, classification_metrics
from keras_wa.files import replacing, write_json

#: The columns that a table of predictions must have.
PREDICTION_COLUMNS = ("roi_id", "patient_id", "label", "probability")

_TITLES = {
    "auc": "AUC",
    "accuracy": "Accuracy",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "precision": "Precision",
    "f1": "F1",
}


def evaluate_predictions(
    predictions: pd.DataFrame,
    threshold: float,
    threshold_rule: str,
    n_resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """Evaluates a table of predictions: the content of `metrics.json`.

    Args:
        predictions: one row an ROI with the columns `roi_id` (unique), `patient_id`,
            `label` (0 or 1) and `probability` (of the positive class, in [0, 1]).
        threshold: decision threshold; positive if `probability >= threshold`.
        threshold_rule: where it came from, for example `"youden on validation"`.
        n_resamples: number of bootstrap resamples.
        seed: of the resampling.
        confidence: coverage that the intervals aim at.

    Returns:
        A dictionary ready for strict JSON, what is undefined being None:
        `n_rois, n_patients, prevalence, threshold {value, rule, positive_if}, metrics
        {name: {value, low, high}}, counts {tp, fp, tn, fn}, confidence, bootstrap
        {kind, n_resamples, seed, n_dropped {name: int}}`.

    Raises:
        ValueError: if a column is missing, an ROI is repeated or a value malformed.
    """
    _check_table(predictions)
    labels, probabilities = predictions["label"], predictions["probability"]
    values = classification_metrics(labels, probabilities, threshold)
    intervals = cluster_bootstrap(
        labels,
        probabilities,
        predictions["patient_id"],
        threshold,
        n_resamples=n_resamples,
        seed=seed,
        confidence=confidence,
    )
    results: dict[str, Any] = {
        "n_rois": len(predictions),
        "n_patients": int(predictions["patient_id"].nunique()),
        "prevalence": float(as_labels(labels).mean()),
        "threshold": {
            "value": float(threshold),
            "rule": threshold_rule,
            "positive_if": "probability >= threshold",
        },
        "metrics": {
            name: {"value": each.value, "low": each.low, "high": each.high}
            for name, each in intervals.items()
        },
        "counts": {name: int(values[name]) for name in ("tp", "fp", "tn", "fn")},
        "confidence": confidence,
        "bootstrap": {
            "kind": "patient-cluster percentile",
            "n_resamples": n_resamples,
            "seed": seed,
            "n_dropped": {name: each.n_dropped for name, each in intervals.items()},
        },
    }
    return without_nan(results)


def write_results(
    directory: str | os.PathLike[str],
    results: Mapping[str, Any],
    predictions: pd.DataFrame,
) -> None:
    """Writes `predictions.csv`, then `metrics.json`, each in one step.

    A reader never meets half a file, and where `metrics.json` is there the predictions
    are too. Probabilities are written with all the digits of their float64; pandas
    reads them back exactly with `converters={"probability": float}`.

    Args:
        directory: where to; created if missing, files in it are replaced.
        results: what `evaluate_predictions` returned, possibly with further entries
            that JSON can hold; NaN and infinity become null.
        predictions: the table that was evaluated; other columns than
            `PREDICTION_COLUMNS` are left out. `prediction` (0 or 1) is added.

    Raises:
        ValueError: if the table is malformed.
    """
    _check_table(predictions)
    probability = as_probabilities(predictions["probability"])
    table = predictions[["roi_id", "patient_id"]].assign(
        label=as_labels(predictions["label"]),
        probability=probability,
        prediction=(probability >= results["threshold"]["value"]).astype(int),
    )
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / "predictions.csv") as partial:
        table.to_csv(partial, index=False, lineterminator="\n")
    write_json(folder / "metrics.json", without_nan(results))


def format_metrics(results: Mapping[str, Any]) -> str:
    """Renders the results for the terminal, one line a metric.

    Args:
        results: what `evaluate_predictions` returned or `metrics.json` holds.

    Returns:
        Lines such as `AUC          0.741 [0.655, 0.814]`, between one line on the data
        and one on the interval; no trailing newline.
    """
    threshold, bootstrap = results["threshold"], results["bootstrap"]
    lines = [
        f"{results['n_rois']} ROIs of {results['n_patients']} patients, "
        f"{results['prevalence']:.1%} positive; called positive at "
        f"p >= {threshold['value']:.4g} ({threshold['rule']})"
    ]
    for name in METRIC_NAMES:
        metric = results["metrics"][name]
        ends = f"[{_digits(metric['low'])}, {_digits(metric['high'])}]"
        line = f"{_TITLES[name]:<12} {_digits(metric['value'])} {ends}"
        dropped = bootstrap["n_dropped"][name]
        if dropped:
            line += f"  undefined in {dropped} of {bootstrap['n_resamples']} resamples"
        lines.append(line)
    lines.append(
        f"[{results['confidence']:.0%} interval, {bootstrap['kind']} bootstrap, "
        f"{bootstrap['n_resamples']} resamples]"
    )
    return "\n".join(lines)


def _digits(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def _check_table(predictions: pd.DataFrame) -> None:
    missing = [name for name in PREDICTION_COLUMNS if name not in predictions]
    if missing:
        raise ValueError(
            f"predictions must have the columns {', '.join(PREDICTION_COLUMNS)}. "
            f"Received: a table without {', '.join(missing)}"
        )
    repeated = predictions["roi_id"].duplicated()
    if repeated.any():
        name = predictions.loc[repeated, "roi_id"].iloc[0]
        raise ValueError(f"roi_id must be unique. Received: {name!r} more than once")


def without_nan(value: Any) -> Any:
    """Replaces NaN and infinity, which strict JSON lacks, by None at any depth.

    Args:
        value: numbers, text, mappings and lists.

    Returns:
        The same, tuples as lists.
    """
    if isinstance(value, Mapping):
        return {key: without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
