"""A forest plot shows every number in its place, and as text."""

from __future__ import annotations

import numpy as np
import pytest

from keras_wa.evaluate.pages import Row, forest, render
from tests.evaluate.pages.html import (
    SVG,
    assert_ids_are_unique,
    cells_of,
    parse,
    text_of,
)

HOSTILE = '<script>alert("ä & 乳")</script>'
ROWS = [
    Row("all", 0.75, 0.65, 0.83),
    Row("B", 0.7, 0.55, 0.8, "density"),
    Row(HOSTILE, None, None, None, "density", "one class only"),
    Row("CC", 0.62, 0.21, 0.97, "view", "8 patients"),
    Row("MLO", 0.5, None, None, "view"),
]


@pytest.fixture(scope="module")
def tree():
    return parse(page(forest("AUC in parts", ROWS, reference=0.5)))


def page(plot):
    return render("tests.evaluate.pages", "plot.html.j2", macro="forest", plot=plot)


def test_places_are_linear_in_the_numbers():
    plot = forest("AUC", ROWS, reference=0.5)
    places = {float(text): place for place, text in plot.ticks}
    slope = (places[1.0] - places[0.2]) / 0.8
    for row, mark in zip(ROWS, plot.marks, strict=True):
        for name in ("low", "value", "high"):
            number, place = getattr(row, name), getattr(mark, name)
            if number is None:
                assert place is None
            else:
                assert place == pytest.approx(
                    places[0.2] + slope * (number - 0.2), abs=0.02
                )
    assert plot.reference == pytest.approx(places[0.5])
    assert 0 <= plot.ticks[0][0] < plot.ticks[-1][0] <= 100


def test_an_axis_of_differences_lies_around_zero():
    rows = [Row("ours - theirs", -0.01, -0.03, 0.012)]
    plot = forest("Difference", rows, reference=0, start=-0.01, end=0.01)
    texts = [text for _, text in plot.ticks]
    assert texts[0] == "-0.03"
    assert texts[-1] == "0.02"
    assert plot.reference == {t: p for p, t in plot.ticks}["0.00"]


def test_rows_do_not_meet_and_a_heading_has_room():
    plot = forest("AUC", ROWS)
    assert [mark.group for mark in plot.marks] == ["", "density", "", "view", ""]
    gaps = np.diff([0, *(mark.y for mark in plot.marks), plot.height])
    assert list(gaps) == [40, 70, 40, 70, 40, 40]


def test_every_number_stands_in_the_table(tree):
    cells = cells_of(tree)
    for row in ROWS:
        if row.value is not None:
            assert f"{row.value:.3f}" in cells
        if row.low is not None:
            assert f"[{row.low:.3f}, {row.high:.3f}]" in cells
    assert {"all", "density: B", f"density: {HOSTILE}", "view: CC"} <= cells
    assert {"one class only", "8 patients"} <= cells


def test_a_plot_without_notes_has_no_column_of_them():
    assert "note" not in cells_of(parse(page(forest("AUC", ROWS[:2]))))


def test_it_has_a_text_alternative(tree):
    (title,) = tree.iter(f"{SVG}title")
    (description,) = tree.iter(f"{SVG}desc")
    assert title.text == "AUC in parts with 95 % intervals"
    assert "all 0.750 [0.650, 0.830]; B 0.700" in description.text
    assert_ids_are_unique(tree)


def test_a_row_without_a_number_says_why_and_draws_nothing(tree):
    drawn = [text_of(each) for each in tree.iter(f"{SVG}text")]
    assert "n/a" in drawn
    assert len(list(tree.iter(f"{SVG}circle"))) == 4
    bars = [e for e in tree.iter(f"{SVG}line") if e.get("class") == "bar"]
    assert len(bars) == 3


def test_a_doubtful_number_is_drawn_hollow(tree):
    dots = [each.get("class") for each in tree.iter(f"{SVG}circle")]
    assert dots == ["dot", "dot", "dot hollow", "dot"]
