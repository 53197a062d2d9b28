"""A line plot shows every point in its place, told apart without colour."""

from __future__ import annotations

import numpy as np
import pytest

from keras_wa.evaluate.pages import LinePlot, Series, render, thin
from tests.evaluate.pages.html import (
    SVG,
    assert_ids_are_unique,
    assert_loads_nothing,
    cells_of,
    parse,
    text_of,
)

HOSTILE = '<script>alert("ä & 乳")</script>'
X = np.linspace(0, 1, 11)
CURVE = Series("a curve", X, X**2, X**2 - 0.05, X**2 + 0.05)
POINTS = Series(HOSTILE, [0.25, 0.5], [0.5, 0.125], joined=False)
PLOT = LinePlot(
    "A curve", "x [mm]", "y", [CURVE, POINTS], "It rises.", diagonal="guessing"
)


def page(plot):
    return render("tests.evaluate.pages", "plot.html.j2", macro="line_plot", plot=plot)


@pytest.fixture(scope="module")
def tree():
    text = page(PLOT)
    tree = parse(text)
    assert_loads_nothing(text, tree)
    assert_ids_are_unique(tree)
    return tree


def points_of(text: str) -> np.ndarray:
    return np.array([pair.split(",") for pair in text.split()], dtype=float)


def test_points_lie_where_the_axes_say():
    drawing = PLOT.drawing
    x_places, y_places = (
        {float(text): place for place, text in ticks}
        for ticks in (drawing.x_ticks, drawing.y_ticks)
    )
    line = points_of(drawing.lines[0].lines[0])
    expected_x = np.interp(X, sorted(x_places), [x_places[k] for k in sorted(x_places)])
    expected_y = np.interp(
        X**2, sorted(y_places), [y_places[k] for k in sorted(y_places)]
    )
    np.testing.assert_allclose(
        line, np.column_stack([expected_x, expected_y]), atol=0.2
    )
    # y grows upwards on the screen.
    assert y_places[1.0] < y_places[0.0]


def test_the_band_runs_along_one_end_and_back_along_the_other():
    line = PLOT.drawing.lines[0]
    outline, middle = points_of(line.bands[0]), points_of(line.lines[0])
    below, above = outline[:11], outline[11:][::-1]
    np.testing.assert_allclose((below + above) / 2, middle, atol=0.2)
    assert (below[:, 1] > above[:, 1]).all()


def test_points_that_are_not_joined_have_bars_and_all_their_marks():
    series = Series(
        "bins", [0.1, 0.9], [0.2, 0.8], [0.1, 0.7], [0.4, 1.0], joined=False
    )
    (line,) = LinePlot("p", "x", "y", [series], y_range=(0, 1)).drawing.lines
    assert line.lines == line.bands == []
    assert len(line.marks) == len(line.bars) == 2
    x, top, bottom = line.bars[0]
    assert (x, top < line.marks[0][1] < bottom) == (line.marks[0][0], True)


def test_a_number_that_is_missing_interrupts_the_line():
    y = np.array([1, 2, np.nan, 4, 5.0])
    (line,) = LinePlot("p", "x", "y", [Series("a", range(5), y)]).drawing.lines
    assert [len(points_of(piece)) for piece in line.lines] == [2, 2]


def test_no_two_series_look_alike_without_colour():
    many = [Series(str(i), [0, 1], [i, i + 1]) for i in range(12)]
    lines = LinePlot("p", "x", "y", many).drawing.lines
    assert len({(line.style, line.shape) for line in lines}) == 12
    text = page(LinePlot("p", "x", "y", many))
    dashes = [
        text.split(f".s{i} polyline {{ stroke-dasharray: ")[1].split(";")[0]
        for i in range(6)
    ]
    assert len(set(dashes)) == 6


def test_marks_of_a_long_line_are_few_and_its_own_points():
    x = np.linspace(0, 1, 500)
    (line,) = LinePlot("p", "x", "y", [Series("a", x, x)]).drawing.lines
    assert 3 <= len(line.marks) <= 5
    assert set(line.marks) <= {tuple(point) for point in points_of(line.lines[0])}


def test_every_point_stands_in_the_table(tree):
    cells = cells_of(tree)
    for x in X:
        assert f"{x:.4g}" in cells
        assert f"{x**2:.4g}" in cells
        assert f"[{x**2 - 0.05:.4g}, {x**2 + 0.05:.4g}]" in cells
    assert {"x [mm]", "y", "95 % interval", HOSTILE, "0.125"} <= cells


def test_a_plot_without_intervals_has_no_column_of_them():
    assert PLOT.columns[-1] == "95 % interval"
    plain = LinePlot("p", "x", "y", [POINTS])
    assert plain.columns == ["x", "y"]
    assert plain.rows == [(HOSTILE, [["0.25", "0.5"], ["0.5", "0.125"]])]


def test_points_stand_below_the_name_of_their_series(tree):
    bodies = list(tree.iter("tbody"))
    names = [text_of(body.find(".//th")) for body in bodies]
    assert names == ["a curve", HOSTILE]
    assert [len(list(body.iter("tr"))) - 1 for body in bodies] == [11, 2]


def test_it_has_a_text_alternative_and_a_legend(tree):
    assert [each.text for each in tree.iter(f"{SVG}title")] == ["A curve"]
    assert [each.text for each in tree.iter(f"{SVG}desc")] == ["It rises."]
    legend = [text_of(each) for each in tree.iter("li")]
    assert legend == ["a curve", HOSTILE, "guessing"]


def test_what_lies_outside_the_axes_is_cut_off():
    plot = LinePlot("p", "x", "y", [Series("a", [0, 1], [0, -9])], y_range=(0, 1))
    tree = parse(page(plot))
    (inner,) = (e for e in tree.iter(f"{SVG}svg") if e.get("height") == "252")
    assert list(inner.iter(f"{SVG}polyline"))
    outside = [e for e in tree.iter(f"{SVG}path") if "translate" in e.get("transform")]
    # One mark inside, one in the legend.
    assert len(outside) == 2


def test_thinning_keeps_the_shape_and_the_ends():
    x = np.sort(np.random.default_rng(0).random(5000))
    y = np.round(x**3, 2)
    kept = thin(x, y, 200)
    assert len(kept) <= 200
    assert {kept[0], kept[-1]} == {0, 4999}
    assert np.abs(np.interp(x, x[kept], y[kept]) - y).max() <= 0.02
    assert list(thin([0, 1, 2], [5, 5, 5])) == [0, 1, 2]
