"""Training curves of several systems, in the manner of the paper's figures 3 and 4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from keras_wa.evaluate.compare.results import RunResult
from keras_wa.files import replacing

CURVES = {
    "accuracy": "accuracy, training",
    "loss": "loss, training",
    "val_auc": "AUC, validation",
    "val_loss": "loss, validation",
}
"""Column of a history -> what it is called."""


def mean_curve(results: Sequence[RunResult], column: str) -> pd.DataFrame:
    """The curve of one system.

    Args:
        results: its runs.
        column: of their histories.

    Returns:
        `mean, low, high` over the seeds (low and high are the extremes), one row an
        epoch, which is the index, from 1.
    """
    curves = pd.concat(
        [run.history.set_index("epoch")[column] for run in results], axis=1
    )
    return pd.DataFrame(
        {
            "mean": curves.mean(axis=1),
            "low": curves.min(axis=1),
            "high": curves.max(axis=1),
        }
    )


def write_curves(systems: Mapping[str, Sequence[RunResult]], path: Path) -> Path:
    """Writes `draw_curves` as a PNG file. Returns its path."""
    with replacing(path) as partial:
        draw_curves(systems).savefig(partial, dpi=110)
    return path


def draw_curves(systems: Mapping[str, Sequence[RunResult]]) -> Figure:
    """Draws the mean of each curve and a band over the seeds.

    Args:
        systems: system -> its runs.
    """
    figure = Figure(figsize=(11, 8), layout="constrained")
    for place, (column, title) in enumerate(CURVES.items(), start=1):
        axes = figure.add_subplot(2, 2, place)
        for index, (name, results) in enumerate(systems.items()):
            curve = mean_curve(results, column)
            # Colours come round again after ten; the line's pattern then differs.
            style = ("-", "--", ":", "-.")[index // 10 % 4]
            (line,) = axes.plot(curve.index, curve["mean"], style, label=name)
            axes.fill_between(
                curve.index,
                curve["low"],
                curve["high"],
                color=line.get_color(),
                alpha=0.15,
            )
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    for columns in (3, 2, 1):
        legend = figure.legend(
            handles, labels, loc="outside lower center", ncols=columns
        )
        if legend.get_window_extent().width < figure.bbox.width or columns == 1:
            break
        legend.remove()  # The names are long.
    return figure
