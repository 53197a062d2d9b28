"""The plots of a report, and its mistakes, as figures that TensorBoard can show."""

from __future__ import annotations

import base64
import dataclasses
import io
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import image as matplotlib_image
from matplotlib.figure import Figure

from keras_wa.evaluate.pages import LinePlot
from keras_wa.evaluate.report import curves

# Inches: of a plot, of a picture with its title, of the words beside pictures.
_SIZE, _TILE, _WORDS = (5.6, 5.6), 1.8, 3.2
_PNG = "data:image/png;base64,"


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


def draw(plot: LinePlot) -> Figure:
    """Draws a plot."""
    # Fixed places: to find the best ones takes longer than the rest together.
    figure = Figure(figsize=_SIZE)
    axes = figure.add_axes((0.12, 0.27, 0.84, 0.67))
    for series in plot.series:
        x, y = np.asarray(series.x, float), np.asarray(series.y, float)
        # Points on an axis are drawn whole; a line that leaves the plot ends there.
        (line,) = axes.plot(
            x,
            y,
            "-" if series.joined else "o",
            label=series.name,
            clip_on=series.joined,
        )
        if series.low is None or series.high is None:
            continue
        low, high = np.asarray(series.low, float), np.asarray(series.high, float)
        if series.joined:
            axes.fill_between(x, low, high, alpha=0.2, color=line.get_color())
        else:
            axes.vlines(x, low, high, color=line.get_color())
    if plot.x_range is not None:
        axes.set_xlim(*plot.x_range)
    if plot.y_range is not None:
        axes.set_ylim(*plot.y_range)
    if plot.diagonal:
        axes.axline((0, 0), slope=1, color="grey", ls=":", label=plot.diagonal)
    axes.set(title=plot.title, xlabel=plot.x_label, ylabel=plot.y_label)
    axes.grid(alpha=0.3)
    figure.legend(loc="lower center", fontsize="small")
    return figure


@dataclasses.dataclass
class ShownMistake:
    """A mistake as a report shows it.

    Attributes:
        roi_id: which.
        caption: its label, probability and descriptors.
        pictures: title -> picture, uint8 or float, `(H, W)` or `(H, W, channels)`.
    """

    roi_id: str = ""
    caption: str = ""
    pictures: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def missed(self) -> bool:
        """Whether it is malignant; otherwise it is a false alarm."""
        return self.caption.startswith("malignant")


def mistakes_of_report(html: str) -> list[ShownMistake]:
    """Reads the mistakes out of a `report.html`; none of another page."""
    reader = _Mistakes()
    reader.feed(html)
    return reader.found


def mistakes_sheet(mistakes: Sequence[ShownMistake]) -> Figure:
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
            axes.imshow(picture, cmap="gray", aspect="auto")
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


class _Mistakes(HTMLParser):
    """Follows the marks of `report.html.j2`."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[ShownMistake] = []
        self._inside = False
        self._place = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        if tag == "article" and known.get("class") == "mistake":
            self.found.append(ShownMistake())
            self._inside = True
        if not self._inside:
            return
        self._place = tag
        source = known.get("src", "")
        if tag == "img" and source.startswith(_PNG):
            title = known.get("alt", "").split(" of ")[0]
            file = io.BytesIO(base64.b64decode(source.removeprefix(_PNG)))
            picture = matplotlib_image.imread(file, format="png")
            self.found[-1].pictures[title] = picture

    def handle_endtag(self, tag: str) -> None:
        self._place = ""
        if tag == "article":
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside and self._place == "h4":
            self.found[-1].roi_id += data
        elif self._inside and self._place == "p":
            self.found[-1].caption += data
