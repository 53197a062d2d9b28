"""A forest plot: numbers with their intervals below each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from keras_wa.evaluate.pages.ticks import round_numbers

# Heights in pixels. Places along the axis are per cent of the width, so that the plot
# fits any screen and its text keeps its size.
_HEAD, _ROW, _MARGIN = 30, 40, 4.0
_MOST_STEPS = 8


@dataclasses.dataclass(frozen=True)
class Row:
    """A number for a forest plot.

    Attributes:
        name: what the number is of.
        value, low, high: the number and its interval; `None` where undefined.
        group: heading of the rows that follow each other and share it, `""` for none.
        note: what to know of the number, or why there is none.
    """

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    group: str = ""
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Mark:
    """A row of the plot, laid out.

    Attributes:
        name, note: as in `Row`.
        value_text, ends_text: the number, and its interval, in words.
        y: the line of the interval, pixels from the top.
        low, value, high: places on the axis, per cent of the width; `None` where there
            is nothing to draw.
        group: the heading above this row, `""` after the first row of a group.
    """

    name: str
    value_text: str
    ends_text: str
    y: int
    low: float | None
    value: float | None
    high: float | None
    group: str
    note: str


@dataclasses.dataclass(frozen=True)
class Forest:
    """A forest plot, laid out. `forest` makes it.

    Attributes:
        title: what the axis measures.
        marks: its rows.
        ticks: place and text of each tick.
        reference: place of the number to compare with, `None` if there is none.
        height: of the drawing, pixels.
    """

    title: str
    marks: list[Mark]
    ticks: list[tuple[float, str]]
    reference: float | None
    height: int

    @property
    def value_letters(self) -> int:
        """Letters of the longest number, for the width of their column."""
        return max((len(mark.value_text or "n/a") for mark in self.marks), default=0)

    @property
    def letters(self) -> int:
        """Letters of the longest number with its interval."""
        texts = (f"{mark.value_text} {mark.ends_text}" for mark in self.marks)
        return max(self.value_letters, *map(len, texts), 0)

    @property
    def columns(self) -> list[str]:
        """Heads of the table of all rows; there is a column of notes if there are."""
        note = ["note"] if any(mark.note for mark in self.marks) else []
        return ["", *note, "value", "95 % interval"]

    @property
    def rows(self) -> list[list[str]]:
        """The table of all rows, as wide as `columns`."""
        rows, heading = [], ""
        for mark in self.marks:
            heading = mark.group or heading
            name = f"{heading}: {mark.name}" if heading else mark.name
            note = [mark.note] if "note" in self.columns else []
            rows.append([name, *note, mark.value_text, mark.ends_text])
        return rows


def forest(
    title: str,
    rows: Sequence[Row],
    reference: float | None = None,
    start: float = 0.4,
    end: float = 1.0,
) -> Forest:
    """Lays out numbers with their intervals.

    Args:
        title: what the axis measures; it names the plot, so no two on a page share it.
        rows: from the top.
        reference: a number to draw a broken line at, such as what guessing reaches.
        start, end: what the axis reaches at least; it reaches further where an interval
            does.

    Returns:
        The plot.
    """
    numbers = [
        number
        for row in rows
        for number in (row.low, row.value, row.high)
        if number is not None
    ]
    ticks = round_numbers([*numbers, start, end], _MOST_STEPS)
    first, last = ticks[0][0], ticks[-1][0]

    def along(number: float) -> float:
        share = (number - first) / (last - first)
        return round(_MARGIN + (100 - 2 * _MARGIN) * share, 2)

    def place(number: float | None) -> float | None:
        return None if number is None else along(number)

    marks, y, heading = [], 0, ""
    for row in rows:
        head = row.group if row.group != heading else ""
        heading = row.group
        y += _ROW + (_HEAD if head else 0)
        marks.append(
            Mark(
                name=row.name,
                value_text="" if row.value is None else f"{row.value:.3f}",
                ends_text=_ends(row),
                y=y,
                low=place(row.low),
                value=place(row.value),
                high=place(row.high),
                group=head,
                note=row.note,
            )
        )
    return Forest(
        title=title,
        marks=marks,
        ticks=[(along(tick), text) for tick, text in ticks],
        reference=place(reference),
        height=y + _ROW,
    )


def _ends(row: Row) -> str:
    if row.low is None or row.high is None:
        return ""
    return f"[{row.low:.3f}, {row.high:.3f}]"
