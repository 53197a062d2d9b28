"""The plots and the mistakes of a report, drawn for TensorBoard."""

from __future__ import annotations

import io

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imread

from keras_wa.evaluate.dashboard import events
from keras_wa.evaluate.dashboard.pictures import (
    mistakes_sheet,
    plots,
)
from keras_wa.evaluate.report.mistakes import Mistake
from tests.evaluate.report import records


def pixels(figure: Figure) -> np.ndarray:
    """A figure as TensorBoard is given it, uint8 RGBA."""
    summary = events.image("x", figure)
    png = summary.value[0].tensor.string_val[2]
    return np.rint(255 * imread(io.BytesIO(png), format="png")).astype(int)


def mistake(name: str, label: int) -> Mistake:
    roi = np.arange(64, dtype=np.uint8).reshape(8, 8)
    heat = np.stack([roi, 2 * roi, 3 * roi], axis=-1)
    shown = {"ROI": roi, "Grad-CAM": heat}
    return Mistake(name, "p1", label, 0.25, {"view": "CC"}, shown)


def test_every_plot_of_a_report_is_drawn():
    drawn = plots(records.results(), records.table())
    assert list(drawn) == [
        "ROC",
        "precision and sensitivity",
        "reliability",
        "decision curve",
    ]
    for plot in drawn.values():
        picture = pixels(plot.draw())
        coloured = picture[..., :3].std(axis=-1) > 20
        assert coloured.mean() > 0.002, plot.title


def test_a_sheet_has_every_picture_of_every_mistake():
    figure = mistakes_sheet([mistake(records.HOSTILE, 1), *[mistake("a", 0)] * 2])
    (grid,) = figure.axes
    assert [axes.get_title() for axes in grid.child_axes] == ["ROI", "Grad-CAM"] * 3
    assert [text.get_text().split("\n")[1] for text in grid.texts] == [
        "malignant",
        "benign",
        "benign",
    ]
    assert pixels(figure).shape[0] == 600
