"""Training curves of several systems, like the paper's figures 3 and 4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from keras_wa.evaluate.compare.run_results import RunResult
from keras_wa.evaluate.pages import LinePlot, Points, style

CURVES = {
    "accuracy": "accuracy, training",
    "loss": "loss, training",
    "val_auc": "AUC, validation",
    "val_loss": "loss, validation",
}
"""Column of a history -> title."""

# Letters that fit in a row of the legend, including the line samples.
_LEGEND_LETTERS = 130


def mean_curve(results: Sequence[RunResult], column: str) -> pd.DataFrame:
    """Returns `mean` and the extremes `low, high` over a system's runs, by epoch."""
    curves = pd.concat(
        [run.history.set_index("epoch")[column] for run in results], axis=1
    )
    names = {"mean": "mean", "low": "min", "high": "max"}
    return pd.DataFrame({name: curves.agg(how, axis=1) for name, how in names.items()})


def curve_plots(
    split: str, systems: Mapping[str, Sequence[RunResult]]
) -> list[LinePlot]:
    """Plots the training: the mean over seeds, and their extremes as a band."""
    plots = []
    for column, title in CURVES.items():
        series = []
        for name, runs in systems.items():
            curve = mean_curve(runs, column)
            band = (curve["low"], curve["high"]) if len(runs) > 1 else ()
            series.append(Points(name, curve.index, curve["mean"], *band))
        plots.append(
            LinePlot(
                title=f"{title}, split {split}",
                x_label="epoch",
                y_label=title,
                series=series,
                description=f"Mean of the {title} over the seeds, epoch by epoch.",
                ends="extremes of the seeds",
            )
        )
    return plots


def draw_curves(plots: Sequence[LinePlot]) -> Figure:
    """Draws the four plots in one figure, with one legend."""
    with style():
        figure = Figure(figsize=(11, 8), layout="constrained")
        axes = figure.subplots(2, 2).flat
        for each, plot in zip(axes, plots, strict=True):
            plot.draw_on(each)
        handles, labels = axes[0].get_legend_handles_labels()
        columns = min(3, _LEGEND_LETTERS // (max(map(len, labels)) + 8))
        figure.legend(handles, labels, loc="outside lower center", ncols=columns)
    return figure
