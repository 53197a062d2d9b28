"""The plots of a report, and its mistakes, as figures that TensorBoard can show."""

from __future__ import annotations

import base64
import dataclasses
import io
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

import pandas as pd
from matplotlib import image as matplotlib_image
from matplotlib.figure import Figure

from keras_wa.evaluate.pages import LinePlot
from keras_wa.evaluate.report import curves

# Inches: of a picture with its title, of the words beside pictures.
_TILE, _WORDS = 1.8, 3.2
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
