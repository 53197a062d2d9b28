"""The plots of a report, and its mistakes, as figures that TensorBoard can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from keras_wa.evaluate.pages import LinePlot
from keras_wa.evaluate.report import curves
from keras_wa.evaluate.report.mistakes import Mistake

# Inches: of a picture with its title, of the words beside pictures.
_TILE, _WORDS = 1.8, 3.2


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
    """A sheet of mistakes, a row each: its pictures, and what is known of it.

    Args:
        mistakes: at least one.
    """
    columns = max(len(each.pictures) for each in mistakes)
    width, height = _TILE * columns + _WORDS, _TILE * len(mistakes)
    figure = Figure(figsize=(width, height))
    for row, mistake in enumerate(mistakes):
        top = height - row * _TILE
        for column, (title, picture) in enumerate(mistake.pictures.items()):
            side = 0.88 * _TILE
            place = (column * _TILE + 0.02, top - _TILE, side, side)
            axes = figure.add_axes(
                (place[0] / width, place[1] / height, side / width, side / height)
            )
            axes.imshow(picture, cmap="gray", vmin=0, vmax=255, aspect="auto")
            axes.set_title(title, fontsize=8, pad=3)
            axes.axis("off")
        caption = mistake.caption.replace("; ", "\n").replace(", pre", "\npre")
        figure.text(
            (columns * _TILE + 0.02) / width,
            (top - 0.08) / height,
            f"{mistake.roi_id}\n{caption}",
            fontsize=8,
            va="top",
            parse_math=False,
        )
    return figure
