"""The plots of a report, and its mistakes, as figures that TensorBoard can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from keras_wa.evaluate.pages import LinePlot
from keras_wa.evaluate.report import curves
from keras_wa.evaluate.report.mistakes import Mistake
from keras_wa.explain.figures import gallery


def plots(results: Mapping[str, Any], predictions: pd.DataFrame) -> dict[str, LinePlot]:
    """The plots of a report by short names; those that cannot be drawn are left out.

    Args:
        results: what `metrics.json` holds.
        predictions: one row an ROI, with `label` and `probability`.
    """
    drawn = {
        "ROC": curves.roc_plot(results, predictions),
        "precision and sensitivity": curves.precision_recall_plot(results, predictions),
        "reliability": curves.reliability_plot(results),
        "decision curve": curves.decision_plot(results),
    }
    return {name: plot for name, plot in drawn.items() if plot is not None}


def mistakes_sheet(mistakes: Sequence[Mistake]) -> Figure:
    """A sheet of mistakes, a row each: what is known of it, and its pictures.

    Args:
        mistakes: at least one.
    """
    rows = []
    for each in mistakes:
        caption = each.caption.replace("; ", "\n").replace(", pre", "\npre")
        rows.append((f"{each.roi_id}\n{caption}", each.pictures))
    return gallery(rows)
