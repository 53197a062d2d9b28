"""The limitations of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras_wa.evaluate.text import count, join

_ALWAYS = (
    "The ROIs were given. Whether the model would find them on a whole mammogram was "
    "not tested.",
    "This is one training. Another seed gives other numbers, and the intervals cover "
    "patients only: compare several seeds.",
    "Nothing was tested on another hospital, scanner or population.",
    "Precision and net benefit depend on the share of malignant ROIs, which in "
    "screening is far below that of a research data set.",
    "A heat map is a claim about the model, no evidence, unless it is scored beside "
    "chance.",
)
_NARROW = 0.05


def limitations(results: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """Lists the limitations due to the data, then those of every evaluation."""
    found = []
    if results["dataset"] == "phantom":
        found.append(
            "These ROIs are computed. They show that the method runs and can learn, "
            "and nothing about patients."
        )
    derived = results["dataset"] in ("cbis-ddsm", "medimeta")
    if derived and not config["drop_without_callback"]:
        found.append(
            "Lesions that radiologists found benign without calling the woman back are "
            "among the benign ones; they make the set easier than one of biopsies."
        )
    if results["dataset"] == "medimeta":
        found.append(
            "MedIMeta scaled crops of large lesions down, so that the magnification "
            "reveals their size."
        )
    elif config["crop"] in ("roi", "official") and results["dataset"] != "phantom":
        found.append(
            f"The crop {config['crop']!r} is scaled to the lesion, so that the "
            "magnification reveals its size."
        )
    auc = results["metrics"]["auc"]
    if auc["low"] is not None and auc["high"] is not None:
        half = (auc["high"] - auc["low"]) / 2
        if half > _NARROW:
            found.append(
                f"With {count(results['n_patients'], 'patient')} the AUC is known to "
                f"± {half:.2f} only: smaller differences between models do not show."
            )
    if len(results["subgroups"]) > 1:
        found.append(
            f"There are {len(results['subgroups'])} subgroups; some differ from the "
            "whole by chance."
        )
    absent = [name for name, level in results["levels"].items() if "left_out" in level]
    if absent:
        found.append(
            f"There are no results by {join(absent)}, since the data do not state "
            "which ROIs belong together."
        )
    return [*found, *_ALWAYS]
