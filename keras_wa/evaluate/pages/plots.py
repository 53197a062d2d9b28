"""The plots of all pages, drawn by matplotlib."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from keras_wa.evaluate.pages.svg import COLOURS, style
from keras_wa.metrics import Estimate

# Inches. A page shows a point as a pixel or more, a little less on a phone.
_WIDTH, _HEIGHT = 5.0, 3.9
_LEFT, _RIGHT, _TOP, _BOTTOM, _LEGEND = 0.7, 0.15, 0.15, 0.55, 0.21
_EDGE, _ROW, _HEAD, _LETTER = 0.1, 0.47, 0.3, 0.086
_MOST_LETTERS = 50

_SERIES = [COLOURS[n] for n in ("note", "error", "ok", "warning", "accent", "soft")]
_DASHES = ("-", (0, (8, 4)), (0, (2, 2)), (0, (8, 2, 2, 2)), (0, (4, 2)), (0, (12, 4)))
_MARKERS = "os^DvPX"


@dataclasses.dataclass(frozen=True)
class Points:
    """A series of points.

    Attributes:
        name: name in the legend and in the table.
        x, y: shape `(n,)`; values that are not finite interrupt the line.
        low, high: shape `(n,)` or None: the band around a line, or the error bars.
        joined: whether a line joins the points, in their order.
    """

    name: str
    x: ArrayLike
    y: ArrayLike
    low: ArrayLike | None = None
    high: ArrayLike | None = None
    joined: bool = True


@dataclasses.dataclass(frozen=True)
class LinePlot:
    """Lines and points against two axes.

    Dashes and markers distinguish the series, so that colour is not needed.

    Attributes:
        title: title of the plot, unique in a page.
        x_label, y_label: labels of the axes, with the unit.
        series: at least one, with a finite point.
        description: text alternative, one sentence.
        x_range, y_range: limits of the axes, by default around all points. Lines are
            clipped to them.
        diagonal: name in the legend of a dashed diagonal; `""` for none.
        ends: meaning of `low` and `high` of the series.
    """

    title: str
    x_label: str
    y_label: str
    series: Sequence[Points]
    description: str
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    diagonal: str = ""
    ends: str = "95 % interval"

    def draw(self) -> Figure:
        """Draws the plot with its legend below."""
        legend = _LEGEND * (len(self.series) + bool(self.diagonal)) + 0.1
        height = _HEIGHT + legend
        with style():
            figure = Figure(figsize=(_WIDTH, height))
            left, bottom = _LEFT / _WIDTH, (_BOTTOM + legend) / height
            right, top = 1 - _RIGHT / _WIDTH, 1 - _TOP / height
            axes = figure.add_axes((left, bottom, right - left, top - bottom))
            self.draw_on(axes)
            figure.legend(loc="lower left", borderaxespad=0.2, handlelength=3.5)
        return figure

    def draw_on(self, axes: Axes) -> None:
        """Draws the plot without its legend."""
        for i, each in enumerate(self.series):
            colour = _SERIES[i % len(_SERIES)]
            x, y = np.asarray(each.x, float), np.asarray(each.y, float)
            axes.plot(
                x,
                y,
                color=colour,
                linestyle=_DASHES[i % len(_DASHES)] if each.joined else "none",
                marker=_MARKERS[i % len(_MARKERS)],
                # More markers would hide the line; each line has them elsewhere. A
                # line of one point has no length.
                markevery=(
                    (0.06 * (i % 4), 0.25)
                    if each.joined and np.isfinite(x + y).sum() > 1
                    else None
                ),
                markersize=5 if each.joined else 7,
                # Markers at the edge are drawn whole; lines are clipped.
                clip_on=each.joined,
                label=_cut(each.name),
            )
            if each.low is None or each.high is None:
                continue
            low, high = np.asarray(each.low, float), np.asarray(each.high, float)
            if each.joined:
                axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
            else:
                axes.vlines(x, low, high, color=colour)
        if self.diagonal:
            ends, dashes = (0, 1), (0, (4, 4))
            axes.plot(
                ends,
                ends,
                color=COLOURS["soft"],
                linestyle=dashes,
                transform=axes.transAxes,
                label=self.diagonal,
            )
        axes.set(xlabel=self.x_label, ylabel=self.y_label)
        axes.set(xlim=self.x_range, ylim=self.y_range)

    @property
    def columns(self) -> list[str]:
        """Returns the headers of the tables."""
        interval = any(each.low is not None for each in self.series)
        return [self.x_label, self.y_label, *([self.ends] if interval else [])]

    @property
    def tables(self) -> list[tuple[str, list[list[str]]]]:
        """Returns the name of each series and its points, with four digits."""
        n = len(self.columns)
        return [(each.name, [row[:n] for row in _cells(each)]) for each in self.series]


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of a forest plot.

    Attributes:
        name: name of the row.
        estimate: the number with its interval.
        group: heading shared by consecutive rows, `""` for none.
        note: note on the number, or why there is none.
    """

    name: str
    estimate: Estimate
    group: str = ""
    note: str = ""


@dataclasses.dataclass(frozen=True)
class ForestPlot:
    """Numbers with intervals, one per row; the marker of one with a note is hollow.

    Attributes:
        title: title of the axis and the plot, unique in a page.
        rows: rows from the top.
        reference: position of a dashed line, such as the result of guessing.
        start, end: limits of the axis, extended to contain all intervals.
    """

    title: str
    rows: Sequence[Row]
    reference: float | None = None
    start: float = 0.4
    end: float = 1.0

    def draw(self) -> Figure:
        """Draws the plot, with a column of the numbers."""
        places, y, group = [], 0.0, ""
        for row in self.rows:
            y += _ROW + (_HEAD if row.group not in ("", group) else 0)
            places.append((row, y, row.group if row.group != group else ""))
            group = row.group
        height = y + _ROW / 2 + _BOTTOM
        letters = max(len(str(row.estimate)) for row in self.rows)
        with style():
            figure = Figure(figsize=(_WIDTH, height))
            right = 1 - (_EDGE + letters * _LETTER + _RIGHT) / _WIDTH
            bottom = _BOTTOM / height
            axes = figure.add_axes((_EDGE / _WIDTH, bottom, right, 1 - bottom))
            for place in places:
                self._draw_row(axes, *place)
            if self.reference is not None:
                axes.axvline(self.reference, color=COLOURS["soft"], ls=(0, (4, 4)))
            found = [row.estimate for row in self.rows]
            ends = [each for e in found for each in (e.value, e.low, e.high)]
            low, high = np.nanmin([self.start, *ends]), np.nanmax([self.end, *ends])
            room = 0.04 * (high - low)
            axes.set(xlim=(low - room, high + room), ylim=(height - _BOTTOM, 0))
            axes.set_xlabel(_cut(self.title), loc="left")
            axes.set_yticks([])
            axes.locator_params(axis="x", nbins=6)
            axes.spines[:].set_visible(False)
        return figure

    def _draw_row(self, axes: Axes, row: Row, y: float, head: str) -> None:
        found, colour = row.estimate, COLOURS["note"]
        side = axes.get_yaxis_transform()
        axes.text(0, y - 0.13, _cut(row.name), transform=side)
        if head:
            axes.text(0, y - 0.13 - _HEAD, head, transform=side, weight="bold")
        axes.text(1.02, y, str(found), transform=side, va="center")
        axes.hlines(y, found.low, found.high, color=colour, linewidth=2.5)
        inside = COLOURS["page"] if row.note else colour
        axes.plot(found.value, y, "o", color=colour, mfc=inside, markeredgewidth=1.5)

    @property
    def description(self) -> str:
        """Returns the text alternative: all numbers."""
        numbers = "; ".join(f"{row.name} {row.estimate}" for row in self.rows)
        return f"With 95 % intervals: {numbers}"

    @property
    def columns(self) -> list[str]:
        """Returns the headers of the table, with a column of notes if there are any."""
        note = ["note"] if any(row.note for row in self.rows) else []
        return ["", *note, f"{self.title} [95 %]"]

    @property
    def tables(self) -> list[tuple[str, list[list[str]]]]:
        """Returns the table of all rows."""
        rows = []
        for row in self.rows:
            name = f"{row.group}: {row.name}" if row.group else row.name
            note = [row.note] if "note" in self.columns else []
            rows.append([name, *note, str(row.estimate)])
        return [(self.title, rows)]


def _cut(name: str) -> str:
    """Shortens a name to the figure's width; the tables have the full name."""
    return name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…"


def _cells(points: Points) -> list[list[str]]:
    x, y = np.asarray(points.x, float), np.asarray(points.y, float)
    low, high = (
        np.full(len(x), np.nan) if end is None else np.asarray(end, float)
        for end in (points.low, points.high)
    )
    return [
        [f"{a:.4g}", f"{b:.4g}", "" if np.isnan(c + d) else f"[{c:.4g}, {d:.4g}]"]
        for a, b, c, d in zip(x, y, low, high, strict=True)
    ]


def thin(x: ArrayLike, y: ArrayLike, most: int = 200) -> NDArray[np.int64]:
    """Chooses points of a long line so that it looks the same.

    Args:
        x, y: shape `(n,)`, finite, on axes of about the same range.
        most: largest number of points.

    Returns:
        Sorted indices: all of a short line; else at most `most`, evenly spaced along
        the line, including its first and last point.
    """
    points = np.column_stack([np.asarray(x, float), np.asarray(y, float)])
    if len(points) <= most:
        return np.arange(len(points))
    lengths = np.abs(np.diff(points, axis=0)).sum(axis=1)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    wanted = np.searchsorted(along, np.linspace(0, along[-1], most))
    wanted[[0, -1]] = 0, len(points) - 1
    return np.unique(np.minimum(wanted, len(points) - 1))
