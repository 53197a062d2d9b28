"""Formats numbers, lists, tables and the main results of an evaluation as text."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from keras_wa.metrics import Estimate
from keras_wa.metrics.classification import METRIC_NAMES

TITLES = {
    "auc": "AUC",
    "auprc": "AUPRC",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced acc.",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "precision": "Precision",
    "f1": "F1",
    "mcc": "MCC",
    "sensitivity_at_95_specificity": "Sens. at 95% spec.",
    "specificity_at_95_sensitivity": "Spec. at 95% sens.",
    "brier": "Brier score",
}
"""Title of each of `METRIC_NAMES` in tables."""

LEVEL_TITLES = {
    "roi": "ROIs",
    "image": "images",
    "lesion": "lesions",
    "breast": "breasts",
    "patient": "patients",
}
"""Title of each level in tables, behind the number of its units."""

_NAME, _CELL = 20, 22


def estimate(metric: Mapping[str, float | None] | None) -> str:
    """Formats as `0.741 [0.655, 0.814]`, without interval `0.741`, undefined `n/a`.

    Args:
        metric: `{value, low, high}`, each None if undefined.
    """
    return "n/a" if metric is None else str(Estimate.from_record(metric))


def percent(share: Estimate | float) -> str:
    """Formats as `92.1 %`, or with an interval `92.1 % [88.1 to 95.6]`."""
    if not isinstance(share, Estimate):
        return f"{100 * share:.1f} %"
    value = percent(share.value)
    if math.isnan(share.low) or math.isnan(share.high):
        return value
    return f"{value} [{100 * share.low:.1f} to {100 * share.high:.1f}]"


def share(part: int, whole: int) -> str:
    """Formats a share as `39.6 %`; `n/a` if `whole` is 0."""
    return percent(part / whole) if whole else "n/a"


def count(number: int, noun: str) -> str:
    """Formats a count as `1 ROI` or `1,872 ROIs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def join(words: Sequence[str]) -> str:
    """Formats a list as `a`, `a and b` or `a, b and c`."""
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


@dataclasses.dataclass(frozen=True)
class TextTable:
    """A table of text.

    Attributes:
        header: title of each column; the first column names the rows.
        rows: cells of each row, one per column.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        """Returns the table in Markdown."""
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def format_metrics(
    results: Mapping[str, Any], levels: Sequence[str] = ("roi", "patient")
) -> str:
    """Formats the main results, by ROI and by patient unless other levels are given.

    Args:
        results: the result of `evaluate_predictions`, or the content of `metrics.json`.
        levels: levels with a column; those that were left out have none.

    Returns:
        A line on the data; a line per metric, such as `AUC  0.741 [0.655, 0.814]`, with
        a column per level; then calibration and references. Without a trailing newline.
    """
    threshold, bootstrap = results["threshold"], results["bootstrap"]
    shown = {name: results["levels"][name] for name in levels}
    shown = {name: each for name, each in shown.items() if "left_out" not in each}
    lines = [
        f"{results['n_rois']} ROIs of {results['n_patients']} patients, "
        f"{results['prevalence']:.1%} positive; called positive at "
        f"p >= {threshold['value']:.4g} ({threshold['rule']})",
        _row(
            "", *(f"{each['n']} {LEVEL_TITLES[name]}" for name, each in shown.items())
        ),
    ]
    for name in METRIC_NAMES:
        cells = [estimate(each["metrics"][name]) for each in shown.values()]
        line = _row(TITLES[name], *cells)
        dropped = bootstrap["n_dropped"][name]
        if dropped:
            line += f"  undefined in {dropped} of {bootstrap['n_resamples']} resamples"
        lines.append(line)
        if name == "auc":
            cells = [estimate(each["auc_delong"]) for each in shown.values()]
            lines.append(_row("  by DeLong", *cells))
    lines += [
        f"[{results['confidence']:.0%} interval, {bootstrap['kind']} bootstrap, "
        f"{bootstrap['n_resamples']} resamples; DeLong {results['delong']};",
        f" a patient's probability is the {results['pooling']} of its ROIs]",
    ]
    more = _calibration(results), _prediction_sets(results), _references(results)
    return "\n".join([*lines, *itertools.chain(*more)])


def _calibration(results: Mapping[str, Any]) -> list[str]:
    found = results["calibration"]
    lines = [f"Calibration  {_errors(found, 'as_predicted')} as predicted"]
    if found["temperature"] is not None:
        lines.append(
            f"             {_errors(found, 'temperature_scaled')} at the temperature "
            f"{found['temperature']:.3g} of validation"
        )
    return lines


def _prediction_sets(results: Mapping[str, Any]) -> list[str]:
    found = results.get("prediction_sets")
    if found is None:
        return []
    (whole,) = (each for each in found["measured"] if each["group"] == "all")
    return [
        f"Prediction sets of {found['coverage']:.0%}: coverage of benign "
        f"{estimate(whole['benign'])}, of malignant {estimate(whole['malignant'])}; "
        f"indeterminate {estimate(whole['indeterminate'])}"
    ]


def _errors(calibration: Mapping[str, Any], name: str) -> str:
    errors = calibration[name]
    return (
        f"Brier {_digits(errors['brier'])}, log loss {_digits(errors['log_loss'])}, "
        f"ECE {_digits(errors['ece_equal_mass'])} ({calibration['n_bins']} bins of "
        "equal mass)"
    )


def _references(results: Mapping[str, Any]) -> list[str]:
    lines = [
        f"{each['name']:<32}  {estimate(each['auc']):<{_CELL}}  "
        f"{estimate(each['accuracy']) if each['accuracy'] else ''}".rstrip()
        for each in results["references"]
        if each["auc"] is not None
    ]
    head = f"{'For comparison, without pixels':<32}  {'AUC':<{_CELL}}  Accuracy"
    return [head, *lines] if lines else []


def _row(name: str, *cells: str) -> str:
    return (f"{name:<{_NAME}}" + "  ".join(f"{c:<{_CELL}}" for c in cells)).rstrip()


def _digits(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"
