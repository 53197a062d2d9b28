"""The tables of an evaluation, from the content of `metrics.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from keras_wa.data.case_table import PARTS
from keras_wa.evaluate import TITLES
from keras_wa.evaluate.pages import ForestPlot, Row
from keras_wa.evaluate.text import (
    LEVEL_TITLES,
    TextTable,
    count,
    estimate,
    join,
    share,
)
from keras_wa.metrics import Estimate
from keras_wa.metrics.units import FEW_PATIENTS


def data_table(cases: pd.DataFrame) -> TextTable:
    """Returns the counts of each part of the split and of all ROIs."""
    parts = {name: cases[cases["split"] == name] for name in PARTS}
    rows = [
        [
            name,
            f"{len(part):,}",
            f"{part['patient_id'].nunique():,}",
            f"{int(part['label'].sum()):,}",
            share(int(part["label"].sum()), len(part)),
        ]
        for name, part in {**parts, "all": cases}.items()
        if len(part)
    ]
    return TextTable(["part", "ROIs", "patients", "malignant", "share"], rows)


def level_table(results: Mapping[str, Any]) -> TextTable:
    """Returns all metrics at each available level."""
    levels = _available(results)
    head = [
        "",
        *(f"{level['n']:,} {LEVEL_TITLES[name]}" for name, level in levels.items()),
    ]
    rows = [
        [title, *(estimate(e["metrics"][name]) for e in levels.values())]
        for name, title in TITLES.items()
    ]
    delong = ["AUC, by DeLong", *(estimate(e["auc_delong"]) for e in levels.values())]
    shares = ["malignant", *(share(e["n_positive"], e["n"]) for e in levels.values())]
    return TextTable(head, [shares, rows[0], delong, *rows[1:]])


def level_names(results: Mapping[str, Any]) -> str:
    """Formats the available levels as `ROI, image, lesion and patient`."""
    return join(["ROI" if name == "roi" else name for name in _available(results)])


def _available(results: Mapping[str, Any]) -> dict[str, Any]:
    found = results["levels"].items()
    return {name: level for name, level in found if "left_out" not in level}


def levels_left_out(results: Mapping[str, Any]) -> list[str]:
    """Returns one sentence for each missing level, with the reason."""
    return [
        f"By {name}: not done, {level['left_out']}."
        for name, level in results["levels"].items()
        if "left_out" in level
    ]


def confusion_table(results: Mapping[str, Any]) -> TextTable:
    """Returns the confusion matrix at the threshold."""
    counts = results["counts"]
    rows = []
    for name, called, not_called in (
        ("malignant", counts["tp"], counts["fn"]),
        ("benign", counts["fp"], counts["tn"]),
    ):
        whole = called + not_called
        cells = [f"{n:,} ({share(n, whole)})" for n in (called, not_called)]
        rows.append([name, *cells, f"{whole:,}"])
    return TextTable(["is", "called malignant", "called benign", "all"], rows)


def reference_table(results: Mapping[str, Any]) -> TextTable:
    """Returns the results of the network and of the references without it."""
    metrics = results["metrics"]
    rows = [
        [
            "this model",
            estimate(metrics["auc"]),
            estimate(metrics["accuracy"]),
            "at its threshold",
        ]
    ]
    for each in results["references"]:
        cells = [
            "" if each[name] is None else estimate(each[name])
            for name in ("auc", "accuracy")
        ]
        how = f"not done: {each['reason']}" if each["reason"] else each["how"]
        rows.append([each["name"], *cells, how])
    for name, auc in results["one_number_auc"].items():
        how = "a single feature of the pixels, its sign from training"
        rows.append([name.replace("_", " "), estimate(auc), "", how])
    return TextTable(["", "AUC", "accuracy", "how"], rows)


def three_class_table(results: Mapping[str, Any]) -> TextTable | None:
    """Returns confusion and metrics of three classes; None with two classes."""
    found = results["three_class"]
    if found is None:
        return None
    rows = [
        [
            f"class {i}",
            *(f"{n:,}" for n in found["confusion"][i]),
            estimate(found["sensitivity"][i]),
            estimate(found["auc"][i]),
        ]
        for i in range(3)
    ]
    return TextTable(
        ["is", "called 0", "called 1", "called 2", "sensitivity", "AUC"], rows
    )


def coverage_table(results: Mapping[str, Any]) -> TextTable | None:
    """Returns the coverage of the prediction sets; None without any."""
    found = results.get("prediction_sets")
    if found is None:
        return None
    rows = [
        [
            each["group"],
            f"{each['n']:,}",
            f"{each['n_patients']:,}",
            *(
                estimate(each[name])
                for name in ("benign", "malignant", "indeterminate")
            ),
            "few patients" if each["n_patients"] < FEW_PATIENTS else "",
        ]
        for each in found["measured"]
    ]
    head = ["", "ROIs", "patients", "coverage, benign", "coverage, malignant"]
    return TextTable([*head, "indeterminate", "note"], rows)


def subgroup_plots(results: Mapping[str, Any]) -> list[ForestPlot]:
    """Returns a forest plot of the AUC for each column whose subgroups have one.

    The dashed line is the AUC of all ROIs. Subgroups of few patients are marked.
    """
    columns: dict[str, list[Row]] = {}
    for group in results["subgroups"]:
        if group["auc"]["value"] is not None:
            patients = count(group["n_patients"], "patient")
            note = f"{patients} only" if group["few_patients"] else ""
            row = Row(group["value"], Estimate.from_record(group["auc"]), note=note)
            columns.setdefault(group["column"], []).append(row)
    whole = results["metrics"]["auc"]["value"]
    return [
        ForestPlot(f"AUC by {column}", rows, reference=whole)
        for column, rows in columns.items()
    ]


def without_auc(results: Mapping[str, Any]) -> str:
    """Returns a note on the number of subgroups without AUC; `""` if all have one."""
    groups = results["subgroups"]
    n = sum(group["auc"]["value"] is None for group in groups)
    if n == 0:
        return ""
    return f"{n} of {count(len(groups), 'subgroup')} are of one class and have no AUC."


def subgroup_table(results: Mapping[str, Any]) -> TextTable:
    """Returns all metrics of every subgroup."""
    head = ["", "ROIs", "malignant", "patients", "AUC", "sensitivity", "specificity"]
    rows = [
        [
            f"{group['column']}: {group['value']}",
            f"{group['n']:,}",
            f"{group['n_positive']:,}",
            f"{group['n_patients']:,}",
            *(estimate(group[name]) for name in ("auc", "sensitivity", "specificity")),
            group["reason"],
        ]
        for group in results["subgroups"]
    ]
    return TextTable([*head, "note"], rows)
