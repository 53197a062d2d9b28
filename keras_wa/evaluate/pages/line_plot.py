"""A plot of lines and points against two axes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_wa.evaluate.pages.ticks import round_numbers

# Of the axes, in the drawing's own units; it is scaled to the width of its column.
_WIDTH, _HEIGHT = 302, 248
# Marks on a line tell it apart without its colour; more would hide it.
_MARKS_ON_A_LINE = 5
_STYLES = 6
_MOST_STEPS = 5
_SHAPES = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",  # circle
    "M-3.5-3.5h7v7h-7z",  # square
    "M0-4.5L4.5 3.5h-9z",  # triangle
    "M0-5L5 0L0 5L-5 0z",  # diamond
    "M0 4.5L4.5-3.5h-9z",  # triangle, downwards
    "M-4-1.5h2.5v-2.5h3v2.5h2.5v3h-2.5v2.5h-3v-2.5h-2.5z",  # plus
    "M-4.5-2.5h9v5h-9z",  # bar
)


@dataclasses.dataclass(frozen=True)
class Series:
    """Points of one kind, in the order in which they are joined.

    Attributes:
        name: in the legend and in the table.
        x, y: `(n,)`; a place where either is not finite interrupts the line.
        low, high: `(n,)` or `None`: the band around a line, or the bars of points.
        joined: whether a line joins the points.
    """

    name: str
    x: ArrayLike
    y: ArrayLike
    low: ArrayLike | None = None
    high: ArrayLike | None = None
    joined: bool = True


@dataclasses.dataclass(frozen=True)
class LinePlot:
    """Series against two axes.

    Attributes:
        title: names the plot, so no two on a page share it.
        x_label, y_label: of the axes, with the unit.
        series: at least one, with a finite point.
        description: what the plot shows, in a sentence, for who cannot see it.
        x_range, y_range: ends of the axes; by default round numbers around all points.
            What lies outside is cut off.
        diagonal: a broken line from corner to corner, such as that of guessing; this is
            its name in the legend, `""` for none.
    """

    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    description: str = ""
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    diagonal: str = ""

    @property
    def drawing(self) -> Drawing:
        """The plot laid out."""
        return _lay_out(self)

    @property
    def columns(self) -> list[str]:
        """Heads of the table of all points."""
        return [self.x_label, self.y_label, "95 % interval"][: self._n_columns]

    @property
    def rows(self) -> list[tuple[str, list[list[str]]]]:
        """The name of each series and its points, four digits a number."""
        return [
            (each.name, [row[: self._n_columns] for row in _cells(each)])
            for each in self.series
        ]

    @property
    def _n_columns(self) -> int:
        return 3 if any(each.low is not None for each in self.series) else 2


@dataclasses.dataclass(frozen=True)
class Line:
    """A series laid out, in units of the drawing from the top left of the axes.

    Attributes:
        name: in the legend.
        style: number of the colour and the dashes.
        shape: path of its marks around (0, 0).
        lines: points of each piece of the line, as `polyline` takes them.
        bands: outline of each piece of the band.
        bars: `(x, top, bottom)` of each bar.
        marks: places of the marks.
    """

    name: str
    style: int
    shape: str
    lines: list[str]
    bands: list[str]
    bars: list[tuple[float, float, float]]
    marks: list[tuple[float, float]]


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A plot laid out: size of its axes, place and text of the ticks, and the lines."""

    width: int
    height: int
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    lines: list[Line]


def thin(x: ArrayLike, y: ArrayLike, most: int = 200) -> NDArray[np.int64]:
    """Chooses points of a long line so that it looks the same.

    Args:
        x, y: `(n,)`, finite, both on axes of about the same span.
        most: how many to keep.

    Returns:
        Indices in order: all of a short line; else at most `most`, evenly spaced along
        the line, with its first and last point.
    """
    points = np.column_stack([np.asarray(x, float), np.asarray(y, float)])
    if len(points) <= most:
        return np.arange(len(points))
    lengths = np.abs(np.diff(points, axis=0)).sum(axis=1)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    wanted = np.searchsorted(along, np.linspace(0, along[-1], most))
    wanted[[0, -1]] = 0, len(points) - 1
    return np.unique(np.minimum(wanted, len(points) - 1))


def _cells(series: Series) -> list[list[str]]:
    x, y = np.asarray(series.x, float), np.asarray(series.y, float)
    low, high = (
        np.full(len(x), np.nan) if end is None else np.asarray(end, float)
        for end in (series.low, series.high)
    )
    return [
        [
            f"{a:.4g}",
            f"{b:.4g}",
            "" if np.isnan(c) or np.isnan(d) else f"[{c:.4g}, {d:.4g}]",
        ]
        for a, b, c, d in zip(x, y, low, high, strict=True)
    ]


def _lay_out(plot: LinePlot) -> Drawing:
    x_ticks, x_range = _axis(plot.x_range, [each.x for each in plot.series])
    y_ticks, y_range = _axis(
        plot.y_range,
        [
            column
            for each in plot.series
            for column in (each.y, each.low, each.high)
            if column is not None
        ],
    )

    def across(values: ArrayLike) -> NDArray[np.float64]:
        share = (np.asarray(values, float) - x_range[0]) / (x_range[1] - x_range[0])
        return np.round(_WIDTH * share, 1)

    def down(values: ArrayLike) -> NDArray[np.float64]:
        share = (np.asarray(values, float) - y_range[0]) / (y_range[1] - y_range[0])
        return np.round(_HEIGHT * (1 - share), 1)

    lines = []
    for number, each in enumerate(plot.series):
        x, y = across(each.x), down(each.y)
        shown = np.isfinite(x) & np.isfinite(y)
        low, high = (down(each.y if e is None else e) for e in (each.low, each.high))
        with_ends = each.low is not None and each.high is not None
        pieces = _pieces(shown)
        bounded = _pieces(shown & np.isfinite(low) & np.isfinite(high))
        marked = np.flatnonzero(shown)
        if each.joined:
            marked = _some(marked, number)
        lines.append(
            Line(
                name=each.name,
                style=number % _STYLES,
                shape=_SHAPES[number % len(_SHAPES)],
                lines=[_points(x[p], y[p]) for p in pieces if each.joined],
                bands=[
                    _points(np.r_[x[p], x[p][::-1]], np.r_[low[p], high[p][::-1]])
                    for p in bounded
                    if with_ends and each.joined
                ],
                bars=[
                    (float(x[i]), float(high[i]), float(low[i]))
                    for p in bounded
                    for i in p
                    if with_ends and not each.joined
                ],
                marks=[(float(x[i]), float(y[i])) for i in marked],
            )
        )
    return Drawing(
        width=_WIDTH,
        height=_HEIGHT,
        x_ticks=[(float(across(tick)), text) for tick, text in x_ticks],
        y_ticks=[(float(down(tick)), text) for tick, text in y_ticks],
        lines=lines,
    )


def _axis(
    ends: tuple[float, float] | None, columns: Sequence[ArrayLike]
) -> tuple[list[tuple[float, str]], tuple[float, float]]:
    """The ticks, and where the axis begins and ends."""
    numbers = np.concatenate([np.ravel(np.asarray(c, float)) for c in columns])
    ticks = round_numbers(numbers, _MOST_STEPS, ends)
    return ticks, ends or (ticks[0][0], ticks[-1][0])


def _pieces(shown: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Runs of places that are shown."""
    places = np.flatnonzero(shown)
    runs = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)
    return [run for run in runs if len(run)]


def _some(places: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """A few of many places; another series has them elsewhere."""
    if len(places) <= _MARKS_ON_A_LINE:
        return places
    shares = (np.arange(_MARKS_ON_A_LINE) + (number % 3 + 1) / 4) / _MARKS_ON_A_LINE
    return places[np.unique((shares * len(places)).astype(int))]


def _points(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    return " ".join(f"{a:g},{b:g}" for a, b in zip(x, y, strict=True))
