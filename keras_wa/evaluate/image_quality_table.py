"""The paper's table 1: means with intervals, in Markdown, JSON and CSV."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from keras_wa.evaluate.image_quality import DEFINITIONS, MEASURES
from keras_wa.evaluate.text import TextTable
from keras_wa.files import replacing, without_nan, write_json
from keras_wa.metrics.arguments import FloatArray, as_group_codes
from keras_wa.metrics.bootstrap import percentile_interval
from keras_wa.metrics.estimate import Estimate
from keras_wa.metrics.resampling import resampled_sums

PUBLISHED = {
    "local_contrast": {"before": 0.40, "after": 0.67, "change_percent": 60.8},
    "visibility": {"before": 0.58, "after": 0.81, "change_percent": 46.05},
    "snr": {"before": 17.8, "after": 22.0, "change_percent": 23.9},
}
"""Alsajer & Philippovich 2025, table 1, as published, without definitions."""

_TITLES = {
    "local_contrast": "Mean local contrast",
    "visibility": "Microcalcification visibility",
    "snr": "SNR",
}
_ENDS = ("before", "after", "change_percent")


def summarise(
    table: pd.DataFrame,
    n_resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """Computes means over ROIs with patient-cluster bootstrap intervals.

    Whole patients are resampled by `cluster_bootstrap`'s method; each ROI counts once.
    The change is that of the means, `100 * (after - before) / before`, from the same
    patients before and after. A measure leaves out the ROIs where it is undefined.

    Args:
        table: one row per ROI, with `patient_id` and the columns of `measure_pair`.
        n_resamples: number of bootstrap resamples.
        seed: seed of the resampling. The order of the rows does not matter.
        confidence: nominal coverage of the intervals, in (0, 1).

    Returns:
        For each of `MEASURES`: `n_rois`, `n_patients`, `raised` (share of ROIs in which
        it rose), and `before`, `after` and `change_percent` as `{value, low, high}`.
        Ready for JSON; undefined values are None: `low` and `high` with a single
        patient, all values without an ROI.
    """
    summary = {}
    for name in MEASURES:
        pair = table[[f"{name}_before", f"{name}_after"]].to_numpy(np.float64)
        defined = ~np.isnan(pair).any(axis=1)
        before, after = pair[defined].T
        patients = table["patient_id"][defined]
        entry: dict[str, Any] = {
            "n_rois": len(before),
            "n_patients": int(patients.nunique()),
            "raised": float(np.mean(after > before)) if len(before) else math.nan,
        }
        intervals = _intervals(before, after, patients, n_resamples, seed, confidence)
        for end, each in zip(_ENDS, intervals, strict=True):
            entry[end] = each.to_record()
        summary[name] = entry
    return dict(without_nan(summary))


def format_table(summary: Mapping[str, Any]) -> str:
    """Renders a summary as a Markdown table beside the paper's numbers."""
    head = ["", "Before", "After CLAHE", "Change, %", "ROIs in which it rose", "ROIs"]
    rows = []
    for name in MEASURES:
        entry, paper = summary[name], PUBLISHED[name]
        raised = entry["raised"]
        ends = (Estimate.from_record(entry[end]) for end in _ENDS)
        rows.append(
            [
                _TITLES[name],
                *map(format, ends, ("#.3g", "#.3g", "+.1f")),
                "n/a" if raised is None else f"{raised:.0%}",
                str(entry["n_rois"]),
                "{before:g} → {after:g} ({change_percent:+g} %)".format(**paper),
            ]
        )
    return str(TextTable([*head, "As published (definition not stated)"], rows))


def write_table(folder: Path, table: pd.DataFrame, record: Mapping[str, Any]) -> None:
    """Writes `enhancement.csv`, `enhancement.json` and `table1.md`, each atomically.

    Args:
        folder: the folder; files in it are replaced.
        table: one row per ROI; missing values are written as `NA`.
        record: content of the JSON file, with at least `measures` (from `summarise`),
            `notes`, `settings` and `bootstrap`.
    """
    with replacing(folder / "enhancement.csv") as partial:
        table.to_csv(partial, index=False, lineterminator="\n", na_rep="NA")
    content = {**record, "definitions": DEFINITIONS, "published": PUBLISHED}
    write_json(folder / "enhancement.json", without_nan(content))
    bootstrap = record["bootstrap"]
    lines = [
        "# Contrast and visibility before and after CLAHE",
        "",
        *(f"**{note}**\n" for note in record["notes"]),
        format_table(record["measures"]),
        "",
        f"Means over ROIs with {bootstrap['confidence']:.0%} intervals: "
        f"{bootstrap['kind']}, {bootstrap['n_resamples']} resamples.",
        "",
        *(f"- {_TITLES[name]}: {DEFINITIONS[name]}" for name in MEASURES),
        "",
        "Settings: "
        + ", ".join(f"{key} {value}" for key, value in record["settings"].items())
        + ".",
    ]
    with replacing(folder / "table1.md") as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _intervals(
    before: FloatArray,
    after: FloatArray,
    patients: pd.Series,
    n_resamples: int,
    seed: int,
    confidence: float,
) -> list[Estimate]:
    """Returns estimates of the mean before, the mean after and the change, per cent."""
    if len(before) == 0:
        return [Estimate(math.nan, math.nan, math.nan)] * 3
    codes, n_patients = as_group_codes(patients)
    rows = np.stack([before, after, np.ones_like(before)])
    sums, resampled = resampled_sums(rows, codes, n_resamples, seed)
    values, drawn = _statistics(*sums.sum(axis=1)), _statistics(*resampled)
    return [
        percentile_interval(value, each, n_patients, confidence)
        for value, each in zip(values, drawn, strict=True)
    ]


def _statistics(before: Any, after: Any, count: Any) -> FloatArray:
    """Returns the two means and the change, from sums over ROIs."""
    undefined = np.full(np.shape(before), np.nan)
    # A change in per cent of 0 is undefined.
    change = np.divide(after - before, before, out=undefined, where=before != 0)
    return np.stack([before / count, after / count, 100 * change])
