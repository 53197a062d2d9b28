"""Summarises the content of `metrics.json` in plain words, with warnings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras_wa.evaluate.text import count, percent
from keras_wa.metrics import Estimate

_DESCRIPTORS = ("type + distribution", "BI-RADS assessment")


def verdict(results: Mapping[str, Any]) -> str:
    """Summarises the evaluation in one sentence.

    It has the share of correctly ranked pairs of ROIs (the AUC), compared with chance,
    radiologists' descriptors and, for a phantom, the best possible model.
    """
    rois, patients = results["n_rois"], results["n_patients"]
    of = f"{count(rois, 'ROI')} of {count(patients, 'patient')}"
    auc = results["metrics"]["auc"]
    if auc["value"] is None:
        kind = "malignant" if results["prevalence"] else "benign"
        return (
            f"All {of} are {kind}, so the separation of the classes cannot be measured."
        )
    parts = [
        f"On {of} the model ranks a malignant above a benign ROI in {_percent(auc)} of "
        f"pairs{_beside_guessing(auc)}"
    ]
    found = {each["name"]: each["auc"] for each in results["references"]}
    for name in _DESCRIPTORS:
        if found.get(name) and found[name]["value"] is not None:
            parts.append(
                f"the descriptors alone ({name}, no pixels) reach "
                f"{_percent(found[name])}"
            )
            break
    if found.get("best possible"):
        parts.append(
            f"the best that any model can be expected to reach is "
            f"{_percent(found['best possible'])}"
        )
    if results["dataset"] == "phantom":
        parts.append("this is a phantom and says nothing clinical")
    return "; ".join(parts) + "."


def decision(results: Mapping[str, Any]) -> str:
    """Describes the result at the threshold, in numbers of ROIs."""
    counts, threshold = results["counts"], results["threshold"]
    malignant = counts["tp"] + counts["fn"]
    benign = counts["tn"] + counts["fp"]
    return (
        f"At the threshold {threshold['value']:.4g} ({threshold['rule']}) it finds "
        f"{counts['tp']:,} of {malignant:,} malignant ROIs, misses {counts['fn']:,}, "
        f"and gives {counts['fp']:,} false alarms on {benign:,} benign ones."
    )


def warnings(results: Mapping[str, Any]) -> list[str]:
    """Lists the notes on the dataset, the warnings of the evaluation, and others."""
    found = [*results["notes"], *results["warnings"]]
    if results["split"] == "val":
        found.append(
            "This is the validation part, on which the best epoch was chosen: its "
            "numbers are optimistic. Report those of the test part."
        )
    elif results["split"] == "train":
        found.append(
            "The model was trained on these ROIs: the numbers say nothing about others."
        )
    shortcut = _shortcut(results)
    return [*found, *([shortcut] if shortcut else [])]


def best_number(results: Mapping[str, Any]) -> str | None:
    """Returns the single-feature baseline with the highest AUC; None without any."""
    aucs = {name: auc["value"] for name, auc in results["one_number_auc"].items()}
    defined = {name: auc for name, auc in aucs.items() if auc is not None}
    return max(defined, key=lambda name: defined[name], default=None)


def _percent(record: Mapping[str, float | None]) -> str:
    return percent(Estimate.from_record(record))


def _beside_guessing(auc: Mapping[str, float | None]) -> str:
    """Returns a clause if the interval contains 0.5."""
    low, high = auc["low"], auc["high"]
    if low is None or high is None or low > 0.5:
        return ""
    if high < 0.5:
        return ", worse than guessing"
    return ", which cannot be distinguished from guessing (50 %)"


def _shortcut(results: Mapping[str, Any]) -> str:
    """Returns a warning if a single-feature baseline is as good as the model."""
    auc, name = results["metrics"]["auc"]["value"], best_number(results)
    if auc is None or name is None:
        return ""
    number = results["one_number_auc"][name]
    # With a single patient there is no interval.
    if max(number["value"], number["high"] or 0) < auc:
        return ""
    return (
        f"A single feature of the pixels, {name.replace('_', ' ')}, ranks "
        f"{_percent(number)} of pairs correctly. The model's {100 * auc:.1f} % cannot "
        "be distinguished from that: it may have learnt no more."
    )
