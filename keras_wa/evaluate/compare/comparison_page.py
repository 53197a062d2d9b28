"""The page of a comparison, `comparison.html`: one file that opens offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keras_wa import __version__
from keras_wa.evaluate.compare import markdown
from keras_wa.evaluate.compare.run_results import RunResult
from keras_wa.evaluate.compare.training_curves import curve_plots
from keras_wa.evaluate.pages import ForestPlot, Row, render
from keras_wa.metrics import Estimate


def render_page(
    record: Mapping[str, Any],
    results: Mapping[str, Mapping[str, Sequence[RunResult]]],
) -> str:
    """Renders the page as HTML, with escaped content and no external files.

    `record` is the content of `comparison.json`; `results` are its runs.
    """
    several = len(record["splits"]) > 1
    parts = [
        {
            **part,
            "verdict": verdict(part),
            "main": markdown.main_table(part),
            "by_lesion": lesions and markdown.lesion_table(lesions),
            "lesion_ensembles": lesions and markdown.ensemble_table(lesions),
            "costs": markdown.cost_table(part, record["costs"]),
            "metrics": markdown.metrics_table(part),
            "ensembles": markdown.ensemble_table(part),
            "differences": markdown.differences_table(part),
            "forests": _forests(part),
            "curves": curve_plots(part["split_origin"], results[part["split"]]),
        }
        for part in record["splits"]
        for lesions in [part["lesions"]]
    ]
    return render(
        "keras_wa.evaluate.compare",
        "comparison.html.j2",
        record=record,
        rois=markdown.ROIS[record["part"]],
        parts=parts,
        protocols=markdown.protocols(record) if several else None,
        how_to_read=markdown.HOW_TO_READ,
        lesions_read=markdown.BY_LESION,
        caption=markdown.CAPTION,
        ensembles=markdown.ENSEMBLES,
        version=__version__,
    )


def verdict(part: Mapping[str, Any]) -> str:
    """Summarises in one sentence which differences in AUC are distinct from zero."""
    others = [each for each in part["systems"] if each["differences"]]
    if not others:
        return "Only one system: nothing is compared."
    words: dict[str, list[str]] = {"better": [], "worse": []}
    for each in others:
        auc = each["differences"]["auc"]
        if auc["p_holm"] is not None and auc["p_holm"] < 0.05:
            words["better" if auc["value"] > 0 else "worse"].append(each["name"])
    found = [
        f"{kind} than {part['baseline']}: {', '.join(names)}"
        for kind, names in words.items()
        if names
    ]
    rest = len(others) - sum(map(len, words.values()))
    if rest:
        found.append(f"not distinguishable from it: {rest} of {len(others)}")
    return f"By AUC, at 5 % after Holm's adjustment, {'; '.join(found)}."


def _forests(part: Mapping[str, Any]) -> list[ForestPlot]:
    """Returns plots of each system's AUC, and of its difference to the baseline."""
    systems = part["systems"]
    aucs = [_row(each["name"], each["metrics"]["auc"], "mean") for each in systems]
    plots = [ForestPlot(f"AUC, split {part['split_origin']}", aucs, reference=0.5)]
    differences = [
        _row(each["name"], each["differences"]["auc"], "value")
        for each in systems
        if each["differences"]
    ]
    if differences:
        title = f"Difference in AUC to {part['baseline']}, split {part['split_origin']}"
        plots.append(ForestPlot(title, differences, 0.0, start=-0.05, end=0.05))
    return plots


def _row(name: str, metric: Mapping[str, Any], value: str) -> Row:
    return Row(name, Estimate.from_record({**metric, "value": metric[value]}))
