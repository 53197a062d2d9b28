"""The tables of a comparison as text, and its Markdown page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras_wa.evaluate.text import TITLES, TextTable
from keras_wa.metrics import Estimate

HOW_TO_READ = (
    "Mean ± standard deviation over seeds; in brackets the 95 % interval of the mean, "
    "patients and seeds both drawn with replacement. A difference is the system's mean "
    "minus the baseline's, on the same patients. p of the AUC: DeLong's covariance, "
    "clustered by patient (Obuchowski 1997), plus the variance of the seeds, against "
    "Student's t; of the others: the bootstrap's. p is adjusted over the systems by "
    "Holm's method. An ensemble takes the mean of the seeds' calibrated probabilities; "
    "its intervals and p are of these seeds, over patients only."
)

CAPTION = "as published, split not stated"
"""Note on the paper's accuracies. It does not state its splits, so they have a separate
column and are not compared."""

PUBLISHED_ACCURACY = {
    "wa_resnet50": "96.74",
    "resnet50": "91.79 (97.58 in Leong 2022)",
    "cnn_vit": "96.12",
    "attention_cnn": "99.46 (breast thermograms)",
    "fhdf": "97.73",
    "resnet34": "97.35",
    "vgg16": "96.97",
    "alexnet": "83.06",
}
"""Model -> accuracy (%) in tables 2 and 3 of Alsajer & Philippovich 2025, with the data
set if it is not CBIS-DDSM."""

BY_LESION = (
    "A lesion is malignant if one of its ROIs is. Its probability is the maximum of "
    "its ROIs; with views=two they are fused. An ROI whose lesion is unknown is a "
    "separate lesion."
)

ENSEMBLES = "The ensemble of each system's seeds"
"""Title of `ensemble_table`."""

ROIS = {"val": "validation", "test": "test"}
"""Part of a split -> name of its ROIs."""


def render_markdown(record: Mapping[str, Any]) -> str:
    """Renders the content of `comparison.json` as a Markdown page."""
    parts: list[str] = [
        "# Comparison",
        *(f"**{note}**" for note in record["notes"]),
        f"`{record['command']}`",
        f"{record['hardware']}, {record['date']}. {HOW_TO_READ}",
    ]
    if len(record["splits"]) > 1:
        title = "## The same systems under each protocol"
        parts += [title, str(protocols(record))]
    for part in record["splits"]:
        parts += [
            f"## Split {part['split_origin']}",
            f"{part['n_rois']} {ROIS[record['part']]} ROIs of {part['n_patients']} "
            f"patients, {part['prevalence']:.1%} malignant; "
            f"split hash {part['split_hash']}; baseline {part['baseline']}.",
            *(f"**{warning}**" for warning in part["warnings"]),
            str(main_table(part)),
            *_by_lesion(part["lesions"]),
            "### Cost",
            str(cost_table(part, record["costs"])),
            "### All metrics",
            str(metrics_table(part)),
        ]
        ensembles = ensemble_table(part)
        if ensembles is not None:
            parts += [f"### {ENSEMBLES}", str(ensembles)]
        differences = differences_table(part)
        if differences is not None:
            parts += ["### Differences to the baseline", str(differences)]
        parts += [f"*Failed:* {each}" for each in part["failed"]]
    return "\n\n".join(parts) + "\n"


def _by_lesion(lesions: Mapping[str, Any] | None) -> list[str]:
    if lesions is None:
        return []
    title = f"### By lesion, {lesions['n_rois']} of {lesions['n_patients']} patients"
    parts = [title, BY_LESION, str(lesion_table(lesions))]
    ensembles = ensemble_table(lesions)
    if ensembles is not None:
        parts += [f"#### {ENSEMBLES}, by lesion", str(ensembles)]
    return parts


def lesion_table(lesions: Mapping[str, Any]) -> TextTable:
    """Returns `main_table` by lesion, without the paper's figure."""
    published = [{**each, "published": ""} for each in lesions["systems"]]
    table = main_table({**lesions, "systems": published})
    return TextTable(table.header[:-1], [row[:-1] for row in table.rows])


def main_table(part: Mapping[str, Any]) -> TextTable:
    """Returns a row per system: AUC, difference, accuracy, the paper's figure."""
    rows = []
    for system in part["systems"]:
        difference = system["differences"].get("auc")
        rows.append(
            [
                system["name"],
                str(len(system["seeds"])),
                over_seeds(system["metrics"]["auc"]),
                "baseline" if difference is None else signed(difference),
                "" if difference is None else p_value(difference["p_holm"]),
                over_seeds(system["metrics"]["accuracy"]),
                system["published"],
            ]
        )
    header = [
        "system",
        "seeds",
        "AUC",
        "difference in AUC",
        "p (Holm)",
        "accuracy",
        f"the paper's accuracy (%), {CAPTION}",
    ]
    return TextTable(header, rows)


def cost_table(part: Mapping[str, Any], costs: Mapping[str, Any]) -> TextTable:
    """Returns a row per system: parameters, operations, time of a training step."""
    rows = []
    for system in part["systems"]:
        cost = costs[system["name"]]
        rows.append(
            [
                system["name"],
                f"{cost['parameters'] / 1e6:.2f}",
                "" if cost["gflops"] is None else f"{cost['gflops']:.2f}",
                f"{1000 * cost['step_seconds']:.0f}",
                str(cost["batch_size"]),
                cost["hardware"],
            ]
        )
    header = ["system", "parameters (M)", "GFLOPs per ROI", "training step (ms)"]
    return TextTable([*header, "batch", "timed on"], rows)


def differences_table(part: Mapping[str, Any]) -> TextTable | None:
    """Returns a row per metric, with a column per system except the baseline."""
    others = [each for each in part["systems"] if each["differences"]]
    if not others:
        return None
    rows = [
        [
            TITLES[metric],
            *(
                f"{signed(each['differences'][metric])}, "
                f"p {p_value(each['differences'][metric]['p_holm'])}"
                for each in others
            ),
        ]
        for metric in others[0]["differences"]
    ]
    return TextTable(["metric", *(each["name"] for each in others)], rows)


def ensemble_table(part: Mapping[str, Any]) -> TextTable | None:
    """Returns a row per system: AUC of the mean of its seeds' calibrated probabilities.

    None if no system has several seeds.
    """
    rows = [
        [
            system["name"],
            str(len(system["seeds"])),
            str(Estimate.from_record(found["auc"])),
            signed(found["difference"]),
            p_value(found["difference"]["p_value"]),
        ]
        for system in part["systems"]
        if (found := system["ensemble"]) is not None
    ]
    header = ["system", "members", "AUC", "difference to the mean of its seeds", "p"]
    return TextTable(header, rows) if rows else None


def metrics_table(part: Mapping[str, Any]) -> TextTable:
    """Returns a row per metric, with a column per system."""
    systems = part["systems"]
    rows = [
        [TITLES[metric], *(over_seeds(each["metrics"][metric]) for each in systems)]
        for metric in systems[0]["metrics"]
    ]
    return TextTable(["metric", *(each["name"] for each in systems)], rows)


def protocols(record: Mapping[str, Any]) -> TextTable:
    """Returns AUC and accuracy of each system under each split."""
    rows = []
    for system in record["splits"][0]["systems"]:
        for part in record["splits"]:
            rows += [
                [
                    each["name"],
                    part["split_origin"],
                    f"{part['n_rois']} of {part['n_patients']}",
                    over_seeds(each["metrics"]["auc"]),
                    over_seeds(each["metrics"]["accuracy"]),
                ]
                for each in part["systems"]
                if each["name"] == system["name"]
            ]
    return TextTable(["system", "split", "ROIs of patients", "AUC", "accuracy"], rows)


def over_seeds(metric: Mapping[str, Any]) -> str:
    """Formats as `0.912 ± 0.010 [0.870, 0.948]`."""
    spread = "" if metric["sd"] is None else f" ± {metric['sd']:.3f}"
    found = Estimate.from_record({**metric, "value": metric["mean"]})
    value, space, ends = str(found).partition(" ")
    return f"{value}{spread}{space}{ends}"


def signed(difference: Mapping[str, Any]) -> str:
    """Formats as `+0.031 [-0.004, +0.066]`."""
    return f"{Estimate.from_record(difference):+.3f}"


def p_value(value: float | None) -> str:
    """Formats a p-value in the usual journal style."""
    if value is None:
        return "n/a"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
